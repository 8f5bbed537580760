#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/html_tree.h"

namespace millrace::cli {

struct HtmlPage {
  std::string title;  // of <title>, else of the first <h1>; may be empty
  std::string text;
};

/// What a reader of the page reads, as plain text: scripts, styles, navigation, asides and page footers left out;
/// paragraphs apart by a blank line, headings as `# …`, list items as `- …`, table rows as `a | b`, `pre` as it is.
/// REQUIRES: `html` is UTF-8
base::Result<HtmlPage> ReadHtml(std::string_view html, const HtmlLimits& limits = {});

}  // namespace millrace::cli
