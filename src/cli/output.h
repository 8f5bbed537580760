#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::cli {

enum class OutputFormat { kTable, kJson, kJsonLines };

/// Writes data to stdout. A reader that has gone ends the process as it ends any filter (SIGPIPE, no message);
/// any other failure (disk full) ends it with one line and exit code 1.
void Print(std::string_view text);

/// Pushes what Print() buffered out, with the same consequences.
void FlushOutput();

/// One line to stderr, control characters escaped.
void Complain(std::string_view message);

/// Complains about `error` and returns the exit code for it.
int Report(const base::Error& error);

/// Columns of the terminal behind stdout. Where there is none, texts are as wide as a page, and tables as what is in
/// them, because programs and files want all of it.
size_t TextWidth();
size_t TableWidth();

/// Writes items as a JSON array or as JSON lines, one at a time, so that a long list needs no memory.
class JsonItems {
 public:
  explicit JsonItems(OutputFormat format) : format_(format) {}
  void Add(std::string_view item_json);
  void Finish();

 private:
  OutputFormat format_;
  size_t count_ = 0;
};

}  // namespace millrace::cli
