#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/utf8.h"
#include "cli/html_text.h"
#include "cli/title.h"

/// Whatever the page, its text is UTF-8 when the page is, and reading it ends.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view html(reinterpret_cast<const char*>(data), size);
  for (const char* type : {"md", "rst", "txt"}) millrace::cli::TidyTitle(millrace::cli::FindTextTitle(type, html));
  if (!millrace::base::IsValidUtf8(html)) return 0;
  const auto page = millrace::cli::ReadHtml(html);
  if (page && (!millrace::base::IsValidUtf8(page->text) || !millrace::base::IsValidUtf8(page->title))) std::abort();
  return 0;
}
