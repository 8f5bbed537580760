#include "adapters/sqlite/engine.h"

#include <fmt/core.h>

#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

#include "adapters/sqlite/schema.h"
#include "base/log.h"

namespace millrace::sqlite {
namespace {

constexpr std::size_t kReaders = 4;
constexpr auto kReaderWait = std::chrono::seconds(5);
constexpr std::uintmax_t kMaxCheckedBytes = 256 << 20;  // about a second of reading

std::uintmax_t SizeOf(const std::filesystem::path& file) {
  std::error_code missing;
  const std::uintmax_t size = std::filesystem::file_size(file, missing);
  return missing ? 0 : size;
}

/// After an unclean end a small database is looked through; a large one shows damage where it is read.
base::Status CheckForDamage(Connection& connection, const std::filesystem::path& file, bool was_closed) {
  if (was_closed || SizeOf(file) > kMaxCheckedBytes) return {};
  Statement check(connection, "PRAGMA quick_check(1)");
  if (check.Step() && check.View(0) == "ok") return {};
  return {base::Code::kCorrupt, check.Text(0)};
}

void Configure(Connection& connection, const SqliteOptions& options) {
  connection.Execute(
      "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
      "PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 67108864");
  if (options.max_bytes > 0) {
    const std::int64_t page_size = connection.Int("PRAGMA page_size").value_or(8192);
    connection.Execute(fmt::format("PRAGMA max_page_count = {}", options.max_bytes / page_size).c_str());
  }
}

base::Status Prepare(Connection& connection, const SqliteOptions& options, const std::filesystem::path& file,
                     bool was_closed) {
  RETURN_IF_ERROR(CheckOwner(connection));
  Configure(connection, options);
  RETURN_IF_ERROR(CheckForDamage(connection, file, was_closed));
  return Migrate(connection);
}

}  // namespace

std::unique_ptr<Connection> Readers::Borrow() {
  std::unique_lock lock(mutex_);
  if (!returned_.wait_until(lock, base::Deadline::After(kReaderWait).when(), [&] { return !idle_.empty(); })) {
    return nullptr;
  }
  std::unique_ptr<Connection> connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void Readers::Return(std::unique_ptr<Connection> connection) {
  std::lock_guard lock(mutex_);
  idle_.push_back(std::move(connection));
  returned_.notify_one();
}

base::Result<std::unique_ptr<Engine>> Engine::Open(const SqliteOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<DirectoryLock> lock, DirectoryLock::Take(options.directory));
  const std::filesystem::path file = options.directory / "millrace.db";
  const bool was_closed = SizeOf(std::filesystem::path(file) += "-wal") == 0;
  const auto named = [&](base::Error error) {
    error.message = fmt::format("{}: {}", file.string(), error.message);
    return error;
  };
  try {
    std::unique_ptr<Connection> write = Connection::Open(file, Connection::Mode::kWrite);
    if (base::Status status = Prepare(*write, options, file, was_closed); !status) return named(status.error());
    std::vector<std::unique_ptr<Connection>> readers;
    for (std::size_t i = 0; i < kReaders; ++i) {
      readers.push_back(Connection::Open(file, Connection::Mode::kRead));
      readers.back()->Execute("PRAGMA cache_size = -8192");
    }
    auto engine = std::make_unique<Engine>();
    engine->options = options;
    engine->lock = std::move(lock);
    engine->writer = std::make_unique<Writer>(std::move(write), options.max_waiting_writes);
    engine->readers = std::make_unique<Readers>(std::move(readers));
    return engine;
  } catch (const Failure& failure) {
    return named(failure.error());
  }
}

}  // namespace millrace::sqlite
