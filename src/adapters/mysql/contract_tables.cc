#include "adapters/mysql/contract_tables.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace millrace::mysql {
namespace {

constexpr std::string_view kForeignKey = "embeddings_document";

constexpr const char* kCreateDocuments = R"sql(CREATE TABLE IF NOT EXISTS documents(
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  title VARCHAR(255) NOT NULL,
  content LONGTEXT NOT NULL,
  created_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  doc_key VARBINARY(512) NULL,
  UNIQUE KEY documents_doc_key(doc_key)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci)sql";

constexpr const char* kCreateEmbeddings = R"sql(CREATE TABLE IF NOT EXISTS embeddings(
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  document_id BIGINT NOT NULL,
  chunk_text LONGTEXT NOT NULL,
  chunk_index INT NOT NULL,
  redis_key VARCHAR(255) NOT NULL,
  created_at TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP,
  version BIGINT NULL,
  char_start BIGINT NULL, char_end BIGINT NULL,
  vector BLOB NULL,
  UNIQUE KEY embeddings_chunk(document_id, version, chunk_index),
  CONSTRAINT embeddings_document FOREIGN KEY(document_id) REFERENCES documents(id) ON DELETE CASCADE)
  ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci)sql";

struct Column {
  std::string data_type, column_type, character_set, collation;
  bool nullable = false;
  std::int64_t max_length = 0;
  bool auto_increment = false;
};

/// What is there of a table.
struct Table {
  std::string name;
  bool innodb = true;
  std::map<std::string, Column, std::less<>> columns;

  const Column* Find(std::string_view column) const {
    const auto found = columns.find(column);
    return found == columns.end() ? nullptr : &found->second;
  }
};

Table Describe(Connection& connection, std::string name) {
  Table table{std::move(name), true, {}};
  Statement engine(connection, R"sql(
      SELECT engine FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?)sql");
  table.innodb = engine.Bind(table.name).Step() && engine.View(0) == "InnoDB";
  Statement select(connection, R"sql(
      SELECT lower(column_name), lower(data_type), lower(column_type), lower(coalesce(character_set_name, '')),
             coalesce(collation_name, ''), is_nullable, coalesce(character_maximum_length, 0), lower(extra)
      FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?)sql");
  select.Bind(table.name);
  while (select.Step()) {
    Column column{select.Text(1),
                  select.Text(2),
                  select.Text(3),
                  select.Text(4),
                  select.View(5) == "YES",
                  select.Int(6),
                  select.View(7).find("auto_increment") != std::string_view::npos};
    table.columns.emplace(select.Text(0), std::move(column));
  }
  return table;
}

/// The type of a widened id; a reference to it needs the same.
std::string_view IdType(const Column& id) {
  const bool is_unsigned = id.data_type == "bigint" && id.column_type.find("unsigned") != std::string::npos;
  return is_unsigned ? "BIGINT UNSIGNED" : "BIGINT";
}

bool HasIndex(Connection& connection, std::string_view table, std::string_view index) {
  return connection
      .Int(R"sql(SELECT 1 FROM information_schema.statistics
                 WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ? LIMIT 1)sql",
           table, index)
      .has_value();
}

base::Status CheckColumns(const Table& table, std::initializer_list<std::string_view> needed) {
  for (const std::string_view column : needed) {
    if (!table.Find(column)) {
      return {base::Code::kInvalidArgument,
              fmt::format("the table {} belongs to another program: it has no column {}", table.name, column)};
    }
  }
  return {};
}

/// The clauses of one ALTER TABLE: the server makes all of them or none.
class Alteration {
 public:
  explicit Alteration(const Table& table) : table_(table) {
    if (!table.innodb) clauses_.emplace_back("ENGINE=InnoDB");
  }

  void WidenId(std::string_view column) {
    const Column* const id = table_.Find(column);
    if (id->data_type == "bigint" && id->auto_increment) return;
    clauses_.push_back(fmt::format("MODIFY {} {} NOT NULL AUTO_INCREMENT", column, IdType(*id)));
  }

  void SetType(std::string_view column, std::string_view type) {
    clauses_.push_back(fmt::format("MODIFY {} {}", column, type));
  }

  /// The default stays the table's business: the contract's text columns have none.
  void WidenText(std::string_view column) {
    const Column* const text = table_.Find(column);
    if (text->data_type == "longtext" && text->character_set == "utf8mb4") return;
    clauses_.push_back(fmt::format("MODIFY {} LONGTEXT CHARACTER SET utf8mb4 COLLATE {}{}", column,
                                   text->character_set == "utf8mb4" ? text->collation : "utf8mb4_unicode_ci",
                                   text->nullable ? "" : " NOT NULL"));
  }

  void WidenTitle(std::string_view column) {
    const Column* const title = table_.Find(column);
    if (title->max_length >= 255 && title->character_set == "utf8mb4") return;
    clauses_.push_back(fmt::format("MODIFY {} {} CHARACTER SET utf8mb4 COLLATE {}{}", column,
                                   title->data_type.ends_with("text")
                                       ? "LONGTEXT"
                                       : fmt::format("VARCHAR({})", std::max<std::int64_t>(title->max_length, 255)),
                                   title->character_set == "utf8mb4" ? title->collation : "utf8mb4_unicode_ci",
                                   title->nullable ? "" : " NOT NULL"));
  }

  void Add(std::string_view column, std::string_view type) {
    if (!table_.Find(column)) clauses_.push_back(fmt::format("ADD COLUMN {} {}", column, type));
  }

  void AddUnique(Connection& connection, std::string_view name, std::string_view columns) {
    if (HasIndex(connection, table_.name, name)) return;
    clauses_.push_back(fmt::format("ADD UNIQUE KEY {}({})", name, columns));
  }

  void Run(const ExecuteDdl& execute) const {
    if (!clauses_.empty()) execute(fmt::format("ALTER TABLE {} {}", table_.name, fmt::join(clauses_, ", ")));
  }

 private:
  const Table& table_;
  std::vector<std::string> clauses_;
};

struct ForeignKey {
  std::string name;
  bool cascades = false;
};

std::vector<ForeignKey> FindForeignKeys(Connection& connection) {
  Statement select(connection, R"sql(
      SELECT k.constraint_name, r.delete_rule
      FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
           ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name
              AND r.table_name = k.table_name
      WHERE k.table_schema = DATABASE() AND k.table_name = 'embeddings' AND k.column_name = 'document_id'
        AND k.referenced_table_name = 'documents')sql");
  std::vector<ForeignKey> keys;
  while (select.Step()) keys.push_back({select.Text(0), select.View(1) == "CASCADE"});
  return keys;
}

/// A column that a foreign key uses keeps its type, so the key goes while both sides are widened.
void DropHinderingForeignKeys(Connection& connection, const Table& documents, const Table& embeddings,
                              const ExecuteDdl& execute) {
  const Column& id = *documents.Find("id");
  const bool widens = id.data_type != "bigint" || !id.auto_increment ||
                      !embeddings.Find("document_id")->column_type.starts_with("bigint") || !documents.innodb ||
                      !embeddings.innodb;
  for (const ForeignKey& key : FindForeignKeys(connection)) {
    if (widens || !key.cascades) execute(fmt::format("ALTER TABLE embeddings DROP FOREIGN KEY `{}`", key.name));
  }
}

void AddForeignKey(Connection& connection, const ExecuteDdl& execute) {
  if (!FindForeignKeys(connection).empty()) return;
  const auto orphans = connection.Int(R"sql(
      SELECT count(*) FROM embeddings e WHERE NOT EXISTS (SELECT 1 FROM documents d WHERE d.id = e.document_id))sql");
  if (orphans.value_or(0) > 0) {
    base::LogWarning(
        "{} rows of embeddings belong to no document, so no foreign key is added; remove them and add it with: ALTER "
        "TABLE embeddings ADD CONSTRAINT {} FOREIGN KEY (document_id) REFERENCES documents(id) ON DELETE CASCADE",
        *orphans, kForeignKey);
    return;
  }
  execute(fmt::format(
      "ALTER TABLE embeddings ADD CONSTRAINT {} FOREIGN KEY (document_id) REFERENCES documents(id) ON DELETE CASCADE",
      kForeignKey));
}

}  // namespace

base::Status WidenContractTables(Connection& connection, const ExecuteDdl& execute) {
  execute(kCreateDocuments);
  const Table documents = Describe(connection, "documents");
  RETURN_IF_ERROR(CheckColumns(documents, {"id", "title", "content"}));
  if (Describe(connection, "embeddings").columns.empty() && documents.Find("id")->data_type == "bigint" &&
      documents.innodb) {
    execute(kCreateEmbeddings);
  }
  const Table embeddings = Describe(connection, "embeddings");
  if (!embeddings.columns.empty()) {
    RETURN_IF_ERROR(CheckColumns(embeddings, {"id", "document_id", "chunk_text", "chunk_index", "redis_key"}));
    DropHinderingForeignKeys(connection, documents, embeddings, execute);
  }

  Alteration widen_documents(documents);
  widen_documents.WidenId("id");
  widen_documents.WidenTitle("title");
  widen_documents.WidenText("content");
  widen_documents.Add("created_at", "TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP");
  widen_documents.Add("updated_at", "TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP");
  widen_documents.Add("doc_key", "VARBINARY(512) NULL");
  widen_documents.AddUnique(connection, "documents_doc_key", "doc_key");
  widen_documents.Run(execute);

  if (embeddings.columns.empty()) {
    execute(kCreateEmbeddings);
    return {};
  }
  Alteration widen_embeddings(embeddings);
  widen_embeddings.WidenId("id");
  const std::string_view id_type = IdType(*documents.Find("id"));
  if (!embeddings.Find("document_id")->column_type.starts_with("bigint")) {
    widen_embeddings.SetType("document_id", fmt::format("{} NOT NULL", id_type));
  }
  widen_embeddings.WidenText("chunk_text");
  widen_embeddings.Add("created_at", "TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP");
  widen_embeddings.Add("version", "BIGINT NULL");
  widen_embeddings.Add("char_start", "BIGINT NULL");
  widen_embeddings.Add("char_end", "BIGINT NULL");
  widen_embeddings.Add("vector", "BLOB NULL");
  widen_embeddings.AddUnique(connection, "embeddings_chunk", "document_id, version, chunk_index");
  widen_embeddings.Run(execute);
  AddForeignKey(connection, execute);
  return {};
}

}  // namespace millrace::mysql
