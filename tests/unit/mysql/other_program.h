#pragma once

/// What the Python service does to its database (CONTRACT §3).
namespace millrace::mysql {

inline constexpr const char* kOtherTables = R"sql(
CREATE TABLE documents(
  id INT AUTO_INCREMENT PRIMARY KEY, title VARCHAR(255) NOT NULL, content TEXT NOT NULL,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP);
CREATE TABLE embeddings(
  id INT AUTO_INCREMENT PRIMARY KEY, document_id INT NOT NULL, chunk_text TEXT NOT NULL, chunk_index INT NOT NULL,
  redis_key VARCHAR(255) NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  FOREIGN KEY (document_id) REFERENCES documents(id) ON DELETE CASCADE))sql";

/// As someone set it up long ago: another character set, no cascade, a key by another name, no second time.
inline constexpr const char* kOldTables = R"sql(
CREATE TABLE documents(
  id INT UNSIGNED NOT NULL AUTO_INCREMENT, title VARCHAR(100), content TEXT NOT NULL,
  created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP, mood VARCHAR(20) DEFAULT 'calm', PRIMARY KEY(id)) CHARSET=latin1;
CREATE TABLE embeddings(
  id INT AUTO_INCREMENT PRIMARY KEY, document_id INT UNSIGNED NOT NULL, chunk_text TEXT NOT NULL,
  chunk_index INT NOT NULL, redis_key VARCHAR(255) NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
  CONSTRAINT my_key FOREIGN KEY (document_id) REFERENCES documents(id)) CHARSET=latin1)sql";

inline constexpr const char* kOtherRows = R"sql(
INSERT INTO documents(title, content) VALUES ('Zürich', 'Der Fluß. Die Brücke.'), ('Oslo', 'Fjord.'), ('Lost', 'Soon.');
INSERT INTO embeddings(document_id, chunk_text, chunk_index, redis_key) VALUES
  (1, 'Der Fluß', 0, 'emb:doc1:chunk0'), (1, 'Die Brücke.', 2, 'emb:doc1:chunk2'), (2, 'Fjord.', 0, 'emb:doc2:chunk0'))sql";

}  // namespace millrace::mysql
