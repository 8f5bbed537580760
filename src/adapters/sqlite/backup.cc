#include "adapters/sqlite/backup.h"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/core.h>
#include <unistd.h>

#include <ctime>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/directory_lock.h"
#include "adapters/sqlite/epoch.h"
#include "adapters/sqlite/schema.h"
#include "base/log.h"

namespace millrace::sqlite {
namespace {

namespace fs = std::filesystem;
using base::Code;
using base::Error;

constexpr char kStoreFile[] = "millrace.db";

fs::path With(fs::path file, std::string_view suffix) { return file += suffix; }

bool Exists(const fs::path& path) {
  std::error_code failed;
  return fs::exists(path, failed);
}

void Remove(const fs::path& path) {
  std::error_code ignored;  // what cannot be removed is overwritten, or in the way and named then
  fs::remove(path, ignored);
}

/// A file on its way: what is still there under this name at the end did not become what it was to be.
struct Unfinished {
  const fs::path path;
  ~Unfinished() { Remove(path); }
};

Error Named(const fs::path& file, Error error) {
  error.message = fmt::format("{}: {}", file.string(), error.message);
  return error;
}

base::Status Rename(const fs::path& from, const fs::path& to) {
  std::error_code failed;
  fs::rename(from, to, failed);
  if (failed) {
    return {Code::kUnavailable,
            fmt::format("cannot rename {} to {}: {}", from.string(), to.string(), failed.message())};
  }
  return {};
}

/// A rename is durable when its directory is.
base::Status SyncDirectory(const fs::path& directory) {
  const int file = open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = file >= 0 && fsync(file) == 0;
  if (file >= 0) close(file);
  if (!synced)
    return {Code::kUnavailable, fmt::format("cannot write the directory {} to the disk", directory.string())};
  return {};
}

base::Status CheckRoom(const fs::path& directory, std::int64_t bytes) {
  std::error_code failed;
  const fs::space_info space = fs::space(directory.empty() ? fs::path(".") : directory, failed);
  if (failed || static_cast<std::int64_t>(space.available) >= bytes) return {};
  return {Code::kUnavailable, fmt::format("{} MB are needed in {}, {} MB are free", bytes >> 20, directory.string(),
                                          static_cast<std::int64_t>(space.available) >> 20)};
}

std::int64_t BytesOf(Connection& connection) {
  return connection.Int("PRAGMA page_count").value_or(0) * connection.Int("PRAGMA page_size").value_or(0);
}

/// Copies `source` into the new file `file`, which then needs no log beside it.
base::Result<std::unique_ptr<Connection>> CopyTo(const fs::path& file, Connection& source,
                                                 const CopyProgress& progress) {
  RETURN_IF_ERROR(CheckRoom(file.parent_path(), BytesOf(source)));
  Remove(file);
  std::unique_ptr<Connection> copy = Connection::Open(file, Connection::Mode::kWrite);
  copy->CopyFrom(source, progress);
  copy->Execute("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL");
  return copy;
}

base::Status CheckBackup(Connection& connection) {
  RETURN_IF_ERROR(CheckOwner(connection));
  if (connection.Int("SELECT count(*) FROM sqlite_schema") == 0) return {Code::kInvalidArgument, "it holds no store"};
  Statement check(connection, "PRAGMA integrity_check(1)");
  if (!check.Step() || check.View(0) != "ok") return {Code::kCorrupt, "damaged: " + check.Text(0)};
  return {};
}

/// Brings what the log beside it holds into the store, so that one rename moves all of it. A damaged one keeps its log.
void Settle(const fs::path& store) {
  try {
    Connection::Open(store, Connection::Mode::kWrite)->TryExecute("PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (const Failure& failure) {
    base::LogWarning("{} stays as it is: {}", store.string(), failure.error().message);
  }
}

/// Puts the store aside that is there.
base::Result<fs::path> PutAside(const fs::path& store) {
  Settle(store);
  const std::time_t now = std::time(nullptr);
  const fs::path aside = With(store, fmt::format(".{:%Y%m%d-%H%M%S}", fmt::gmtime(now)));
  if (Exists(aside)) return Error{Code::kConflict, aside.string() + " exists", {}};
  if (Exists(With(store, "-wal"))) RETURN_IF_ERROR(Rename(With(store, "-wal"), With(aside, "-wal")));
  Remove(With(store, "-shm"));  // made anew from the log
  RETURN_IF_ERROR(Rename(store, aside));
  return aside;
}

}  // namespace

base::Result<std::int64_t> WriteBackup(const fs::path& directory, const fs::path& file, const CopyProgress& progress) {
  const fs::path store = directory / kStoreFile;
  if (!Exists(store)) return Error{Code::kNotFound, fmt::format("{} holds no store", directory.string()), {}};
  if (Exists(file)) return Error{Code::kConflict, file.string() + " exists", {}};
  const Unfinished part{With(file, ".part")};
  try {
    const std::unique_ptr<Connection> source = Connection::Open(store, Connection::Mode::kRead);
    if (base::Status owner = CheckOwner(*source); !owner) return Named(store, owner.error());
    std::int64_t bytes = 0;
    {
      ASSIGN_OR_RETURN(const std::unique_ptr<Connection> copy, CopyTo(part.path, *source, progress));
      bytes = BytesOf(*copy);
    }
    RETURN_IF_ERROR(Rename(part.path, file));
    RETURN_IF_ERROR(SyncDirectory(file.parent_path()));
    return bytes;
  } catch (const Failure& failure) {
    return failure.error();
  }
}

base::Result<Restored> RestoreBackup(const fs::path& file, const fs::path& directory, bool replace,
                                     const CopyProgress& progress) {
  if (!Exists(file)) return Error{Code::kNotFound, fmt::format("there is no file {}", file.string()), {}};
  ASSIGN_OR_RETURN(const std::unique_ptr<DirectoryLock> lock, DirectoryLock::Take(directory));
  const fs::path store = directory / kStoreFile;
  const Unfinished part{With(store, ".part")};
  const bool is_there = Exists(store);
  if (is_there && !replace) {
    return Error{Code::kConflict, fmt::format("{} holds a store already", directory.string()), "replace"};
  }
  Restored restored;
  try {
    const std::unique_ptr<Connection> source = Connection::Open(file, Connection::Mode::kRead);
    if (base::Status good = CheckBackup(*source); !good) return Named(file, good.error());
    {
      ASSIGN_OR_RETURN(const std::unique_ptr<Connection> copy, CopyTo(part.path, *source, progress));
      RETURN_IF_ERROR(Migrate(*copy));
      copy->Execute("BEGIN IMMEDIATE");
      ASSIGN_OR_RETURN(restored.identity, BeginEpoch(*copy));
      copy->Execute("COMMIT");
      restored.documents = copy->Int("SELECT count(*) FROM documents").value_or(0);
    }
    if (is_there) {
      ASSIGN_OR_RETURN(restored.put_aside, PutAside(store));
    }
    RETURN_IF_ERROR(Rename(part.path, store));
    RETURN_IF_ERROR(SyncDirectory(directory));
    return restored;
  } catch (const Failure& failure) {
    return Named(file, failure.error());
  }
}

}  // namespace millrace::sqlite
