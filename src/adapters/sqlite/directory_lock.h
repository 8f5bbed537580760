#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"

namespace millrace::sqlite {

/// Keeps a second process away from a data directory, for as long as it lives. The kernel drops it when the process
/// dies.
class DirectoryLock {
 public:
  /// Makes the directory when it is missing. kConflict names the process that has it.
  static base::Result<std::unique_ptr<DirectoryLock>> Take(const std::filesystem::path& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  explicit DirectoryLock(int file) : file_(file) {}
  int file_;
};

}  // namespace millrace::sqlite
