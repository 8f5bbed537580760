#include "adapters/sqlite/directory_lock.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

namespace millrace::sqlite {
namespace {

std::string LastError() { return std::generic_category().message(errno); }

}  // namespace

base::Result<std::unique_ptr<DirectoryLock>> DirectoryLock::Take(const std::filesystem::path& directory) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed) {
    return base::Error{base::Code::kUnavailable,
                       fmt::format("cannot make the directory {}: {}", directory.string(), failed.message()),
                       {}};
  }
  const int file = open((directory / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) {
    return base::Error{base::Code::kUnavailable,
                       fmt::format("cannot write to the directory {}: {}", directory.string(), LastError()),
                       {}};
  }
  std::unique_ptr<DirectoryLock> lock(new DirectoryLock(file));
  if (flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return base::Error{base::Code::kUnavailable,
                         fmt::format("cannot lock the directory {}: {}", directory.string(), LastError()),
                         {}};
    }
    char owner[32] = {};
    const bool known = pread(file, owner, sizeof(owner) - 1, 0) > 0;
    return base::Error{
        base::Code::kConflict,
        fmt::format("another millrace (pid {}) uses {}", known ? std::atol(owner) : 0, directory.string()),
        {}};
  }
  const std::string pid = fmt::format("{}\n", getpid());
  if (ftruncate(file, 0) != 0 || pwrite(file, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return base::Error{base::Code::kUnavailable,
                       fmt::format("cannot write to the directory {}: {}", directory.string(), LastError()),
                       {}};
  }
  return lock;
}

DirectoryLock::~DirectoryLock() { close(file_); }

}  // namespace millrace::sqlite
