#include "cli/html_text.h"

#include <gtest/gtest.h>

#include <string>

namespace millrace::cli {
namespace {

std::string TextOf(std::string_view html) {
  const auto page = ReadHtml(html);
  return page ? page->text : "error: " + page.error().message;
}

struct Case {
  const char* name;
  const char* html;
  const char* text;
};

class HtmlText : public testing::TestWithParam<Case> {};

TEST_P(HtmlText, IsWhatAReaderReads) { EXPECT_EQ(TextOf(GetParam().html), GetParam().text); }

INSTANTIATE_TEST_SUITE_P(
    Pages, HtmlText,
    testing::Values(
        Case{"Paragraphs", "<p>One\n  two</p><p>Three</p>", "One two\n\nThree\n"},
        Case{"Headings", "<h1>A <em>b</em></h1>text<h3>C<br>d</h3>", "# A b\n\ntext\n\n### C d\n"},
        Case{"EmptyHeading", "<h2><img src=x></h2><p>a</p>", "a\n"},
        Case{"Lists", "<ul><li>a<li>b<ol><li>c</ol></ul>d", "- a\n- b\n  - c\n\nd\n"},
        Case{"LooseList", "<ul><li><p>a</p></li><li><p>b</p></li></ul>", "- a\n- b\n"},
        Case{"EmptyItem", "<ul><li></li><li>b</li></ul><p>c</p>", "- b\n\nc\n"},
        Case{"Terms", "<dl><dt>-n</dt><dt>--dry</dt><dd><p>Does nothing.</p></dd><dt>-f</dt><dd>Force</dd></dl>",
             "-n\n--dry\nDoes nothing.\n\n-f\nForce\n"},
        Case{"Pre", "<p>a</p><pre>\nx  y\n  z\n\nw</pre><p>b</p>", "a\n\nx  y\n  z\n\nw\n\nb\n"},
        Case{"PreEndsWithLine", "<pre>x\n</pre><p>b", "x\n\nb\n"},
        Case{"Table", "<table><tr><th>A<th>B</tr><tr><td>1<td>2 <p>x</table>", "A | B\n1 | 2 x\n"},
        Case{"EmptyCells", "<table><tr><td><td>b<td></tr><tr><td> <td></tr><tr><td>c</tr></table>", "| b\nc\n"},
        Case{"LayoutTable", "<table><tr><td><h1>T</h1><p>a</p><p>b</p></td><td><ul><li>c</ul></td></tr></table>",
             "# T\n\na\n\nb\n\n- c\n"},
        Case{"Invisible",
             "<body><script>x()</script><style>p{}</style><noscript>n</noscript><template><p>t</p></template>"
             "<p hidden>h</p><nav>n</nav><aside>a</aside><div role=navigation>r</div>seen",
             "seen\n"},
        Case{"ScriptNeverClosed", "<p>a</p><script>var x = '<p>no</p>'", "a\n"},
        Case{"PageFooter", "<article>a<footer>by me</footer></article><footer>imprint</footer>", "a\n\nby me\n"},
        Case{"HeaderKeepsItsHeading", "<header><nav>menu</nav><h1>T</h1></header>x", "# T\n\nx\n"},
        Case{"Anchors", "<h2>Use<a href=#u>¶</a></h2><p><a href=x>link</a></p>", "## Use\n\nlink\n"},
        Case{"Entities", "a&amp;b &lt;c&gt; &eacute;&#x4e2d;&nbsp;&nbsp;d&shy;e", "a&b <c> é中 de\n"},
        Case{"Breaks", "a<br>b<br><br><br>c", "a\nb\n\nc\n"},
        Case{"InlineKeepsWordsTogether", "wo<b>r</b>d <i> x </i>, y", "word x , y\n"},
        Case{"Unclosed", "<div><p>a<div>b<li>c</span></table>d", "a\n\nb\n- cd\n"},
        Case{"NotHtml", "just text", "just text\n"}, Case{"Empty", "", ""}, Case{"OnlySpace", " <p> </p>\n", ""}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(HtmlTitle, ComesFromTheTitleElementThenTheFirstHeading) {
  EXPECT_EQ(ReadHtml("<title> A\n &amp; B </title><h1>C</h1>")->title, "A & B");
  EXPECT_EQ(ReadHtml("<title> </title><p>x</p><h2>no</h2><h1>The <b>one</b></h1><h1>no</h1>")->title, "The one");
  EXPECT_EQ(ReadHtml("<svg><title>icon</title></svg><h1>Page</h1>")->title, "Page");
  EXPECT_EQ(ReadHtml("<p>x</p>")->title, "");
}

std::string Repeat(std::string_view text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

TEST(HtmlText, DeepNestingNeedsNoStack) { EXPECT_EQ(TextOf(Repeat("<span>", 20'000) + "deep"), "deep\n"); }

TEST(HtmlText, HostileNestingEndsInTimeAndMemory) {
  const HtmlLimits little_time{.max_memory_bytes = 1 << 30, .max_time = std::chrono::milliseconds(200)};
  const auto slow = ReadHtml(Repeat("<div>", 2'000'000), little_time);
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, base::Code::kTooLarge);

  const HtmlLimits little_memory{.max_memory_bytes = 1 << 20, .max_time = std::chrono::seconds(60)};
  EXPECT_EQ(ReadHtml(Repeat("<p>x</p>", 100'000), little_memory).error().code, base::Code::kTooLarge);
  EXPECT_TRUE(ReadHtml("<p>x</p>", little_memory));
}

}  // namespace
}  // namespace millrace::cli
