#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "base/result.h"
#include "core/store_admin.h"

namespace millrace::sqlite {

/// Of what is copied, in pages of the database.
using CopyProgress = std::function<void(std::int64_t done, std::int64_t all)>;

/// Writes what the store in `directory` holds at this moment to the new file `file`, while its server may go on
/// writing. The size in bytes. kNotFound: no store there; kConflict: `file` exists. `file` appears when it is whole.
base::Result<std::int64_t> WriteBackup(const std::filesystem::path& directory, const std::filesystem::path& file,
                                       const CopyProgress& progress);

struct Restored {
  core::StoreIdentity identity;
  std::int64_t documents = 0;
  std::optional<std::filesystem::path> put_aside;  // the store that was there
};

/// Makes what `file` holds the store in `directory`, in a new epoch. A store that is there is kept under another name
/// when `replace`, else it is a kConflict with the field `replace`, as is a server that uses the directory.
/// kInvalidArgument, kCorrupt: `file` is no backup, or damaged. What is there changes in one step at the end.
base::Result<Restored> RestoreBackup(const std::filesystem::path& file, const std::filesystem::path& directory,
                                     bool replace, const CopyProgress& progress);

}  // namespace millrace::sqlite
