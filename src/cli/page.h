#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "cli/file_walk.h"

namespace millrace::cli {

/// A document ready to be sent.
struct OutgoingDocument {
  std::string name;  // what people know it by: its path, or "line 7"
  std::string key;   // empty: each sending makes a new document
  std::string json;  // one line: a body of POST /v1/documents
};

/// Takes the documents of a file one by one, and what went wrong with the others by name.
struct DocumentSink {
  std::function<void(OutgoingDocument)> take;
  std::function<void(const std::string& name, const std::string& reason)> fail;
};

/// Reads one file: HTML becomes text, JSON gives a document per object, anything else goes as it is.
/// `chunking`: a strategy's name, or empty for the server's default.
void ReadFile(const SourceFile& file, const std::string& chunking, const DocumentSink& sink);

}  // namespace millrace::cli
