#pragma once

#include <functional>
#include <string>

#include "adapters/mysql/connection.h"
#include "base/result.h"

namespace millrace::mysql {

using ExecuteDdl = std::function<void(const std::string& sql)>;

/// Creates the tables of CONTRACT §3 or widens those of another program in place:
///   documents (id BIGINT AUTO_INCREMENT, title VARCHAR(255), content LONGTEXT, created_at, updated_at TIMESTAMP,
///              doc_key VARBINARY(512) NULL UNIQUE)            the client's own name of it, compared by bytes
///   embeddings(id BIGINT AUTO_INCREMENT, document_id BIGINT, chunk_text LONGTEXT, chunk_index INT,
///              redis_key VARCHAR(255), created_at TIMESTAMP,
///              version BIGINT NULL,                            NULL: written by another program (DELIVERY §8)
///              char_start, char_end BIGINT NULL, vector BLOB NULL,        little-endian float32
///              UNIQUE(document_id, version, chunk_index)), deleted with their document
/// kInvalidArgument: a table of that name has not even the contract's columns.
base::Status WidenContractTables(Connection& connection, const ExecuteDdl& execute);

}  // namespace millrace::mysql
