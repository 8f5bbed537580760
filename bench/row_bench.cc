// bench_rows HOST PORT USER PASSWORD SOURCE TARGET CONNECTIONS DOCUMENTS LIMIT
// Copies what the database SOURCE holds of its first LIMIT documents into TARGET, whose tables are the same and empty:
// what this server does at best, with nobody else at work. All is read and written out as SQL first; then CONNECTIONS
// connections send it, each transaction with the rows of DOCUMENTS documents, one INSERT for each table. Prints one
// line of JSON.

#include <fmt/format.h>
#include <mysql.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace millrace::bench {
namespace {

struct Address {
  std::string host, user, password;
  unsigned port = 0;
};

class Connection {
 public:
  Connection(const Address& address, const std::string& database) : handle_(mysql_init(nullptr), mysql_close) {
    mysql_options(handle_.get(), MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!mysql_real_connect(handle_.get(), address.host.c_str(), address.user.c_str(), address.password.c_str(),
                            database.c_str(), address.port, nullptr, CLIENT_MULTI_STATEMENTS)) {
      Fail();
    }
  }

  MYSQL* handle() { return handle_.get(); }

  void Query(std::string_view sql) {
    if (mysql_real_query(handle_.get(), sql.data(), sql.size()) != 0) Fail();
  }

  /// All statements of `sql`, none of which has rows.
  void Run(std::string_view sql) {
    Query(sql);
    int more = 0;
    while ((more = mysql_next_result(handle_.get())) == 0) {
    }
    if (more > 0) Fail();
  }

  [[noreturn]] void Fail() { throw std::runtime_error(mysql_error(handle_.get())); }

 private:
  std::unique_ptr<MYSQL, decltype(&mysql_close)> handle_;
};

struct Table {
  const char* name;
  const char* document;  // the column that says whose row it is
};

/// In the order in which rows may refer to others. What a document leaves behind once it is indexed and all is sent.
constexpr Table kTables[] = {{"documents", "id"},
                             {"document_versions", "document_id"},
                             {"document_state", "document_id"},
                             {"document_contents", "document_id"},
                             {"embeddings", "document_id"}};

constexpr unsigned kBinary = 63;  // the character set of what is no text

void AppendValue(Connection& connection, const MYSQL_FIELD& field, const char* value, std::size_t size,
                 std::string& sql) {
  if (value == nullptr) {
    sql += "NULL";
  } else if (IS_NUM(field.type) && field.type != MYSQL_TYPE_TIMESTAMP) {
    sql.append(value, size);
  } else {
    sql += field.charsetnr == kBinary && IS_BLOB(field.flags) ? "_binary'" : "'";
    const std::size_t end = sql.size();
    sql.resize(end + 2 * size + 1);
    sql.resize(end + mysql_real_escape_string(connection.handle(), sql.data() + end, value, size));
    sql += '\'';
  }
}

struct Batch {
  std::string sql;
  std::size_t documents = 0, rows = 0;
};

/// The rows of the documents `first` to `last` of one table, as one INSERT.
void AppendRows(Connection& source, const Table& table, std::int64_t first, std::int64_t last, Batch& batch) {
  source.Query(fmt::format("SELECT * FROM {0} WHERE {1} BETWEEN {2} AND {3} ORDER BY {1}", table.name, table.document,
                           first, last));
  const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> result(mysql_store_result(source.handle()),
                                                                        mysql_free_result);
  if (!result) source.Fail();
  const unsigned columns = mysql_num_fields(result.get());
  const MYSQL_FIELD* fields = mysql_fetch_fields(result.get());
  const char* before = nullptr;
  while (const MYSQL_ROW row = mysql_fetch_row(result.get())) {
    const unsigned long* sizes = mysql_fetch_lengths(result.get());
    batch.sql += before ? before : fmt::format("INSERT INTO {} VALUES", table.name);
    before = ",";
    for (unsigned i = 0; i < columns; ++i) {
      batch.sql += i == 0 ? '(' : ',';
      AppendValue(source, fields[i], row[i], sizes[i], batch.sql);
    }
    batch.sql += ')';
    ++batch.rows;
  }
  if (before) batch.sql += ';';
}

std::vector<std::int64_t> DocumentIds(Connection& source, std::size_t limit) {
  source.Query(fmt::format("SELECT id FROM documents ORDER BY id LIMIT {}", limit));
  const std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)> result(mysql_store_result(source.handle()),
                                                                        mysql_free_result);
  if (!result) source.Fail();
  std::vector<std::int64_t> ids;
  while (const MYSQL_ROW row = mysql_fetch_row(result.get())) ids.push_back(std::stoll(row[0]));
  return ids;
}

std::vector<Batch> ReadBatches(Connection& source, std::size_t documents, std::size_t limit) {
  const std::vector<std::int64_t> ids = DocumentIds(source, limit);
  std::vector<Batch> batches;
  for (std::size_t first = 0; first < ids.size(); first += documents) {
    const std::size_t last = std::min(first + documents, ids.size()) - 1;
    Batch batch{"BEGIN;", last - first + 1, 0};
    for (const Table& table : kTables) AppendRows(source, table, ids[first], ids[last], batch);
    batch.sql += "COMMIT";
    batches.push_back(std::move(batch));
  }
  return batches;
}

void Main(const std::vector<std::string>& arguments) {
  if (arguments.size() != 9) {
    throw std::runtime_error("usage: HOST PORT USER PASSWORD SOURCE TARGET CONNECTIONS DOCUMENTS LIMIT");
  }
  const Address address{arguments[0], arguments[2], arguments[3], static_cast<unsigned>(std::stoul(arguments[1]))};
  Connection source(address, arguments[4]);
  const std::vector<Batch> batches = ReadBatches(source, std::stoul(arguments[7]), std::stoul(arguments[8]));
  std::vector<std::unique_ptr<Connection>> targets;
  for (std::size_t i = 0; i < std::stoul(arguments[6]); ++i) {
    targets.push_back(std::make_unique<Connection>(address, arguments[5]));
  }
  std::vector<std::string> failures(targets.size());
  std::vector<std::thread> threads;
  std::atomic<std::size_t> next = 0;
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < targets.size(); ++i) {
    threads.emplace_back([&, i] {
      try {
        for (std::size_t mine = next++; mine < batches.size(); mine = next++) targets[i]->Run(batches[mine].sql);
      } catch (const std::exception& error) {
        failures[i] = error.what();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  for (const std::string& failure : failures) {
    if (!failure.empty()) throw std::runtime_error(failure);
  }
  std::size_t documents = 0, rows = 0, bytes = 0;
  for (const Batch& batch : batches) {
    documents += batch.documents;
    rows += batch.rows;
    bytes += batch.sql.size();
  }
  fmt::print("{{\"documents\":{},\"rows\":{},\"sql_bytes\":{},\"seconds\":{:.3f},\"per_s\":{:.1f}}}\n", documents, rows,
             bytes, seconds.count(), static_cast<double>(documents) / seconds.count());
}

}  // namespace
}  // namespace millrace::bench

int main(int count, char** arguments) try {
  millrace::bench::Main({arguments + 1, arguments + count});
} catch (const std::exception& error) {
  fmt::print(stderr, "bench_rows: {}\n", error.what());
  return 1;
}
