#include "cli/html_text.h"

#include <gumbo.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "cli/text_flow.h"

namespace millrace::cli {
namespace {

enum class Kind { kInline, kBlock, kLine, kDropped };

Kind KindOf(GumboTag tag) {
  switch (tag) {
    case GUMBO_TAG_SCRIPT:
    case GUMBO_TAG_STYLE:
    case GUMBO_TAG_NOSCRIPT:
    case GUMBO_TAG_TEMPLATE:
    case GUMBO_TAG_HEAD:
    case GUMBO_TAG_TITLE:
    case GUMBO_TAG_NAV:
    case GUMBO_TAG_ASIDE:
    case GUMBO_TAG_IFRAME:
    case GUMBO_TAG_OBJECT:
    case GUMBO_TAG_SVG:
    case GUMBO_TAG_CANVAS:
    case GUMBO_TAG_AUDIO:
    case GUMBO_TAG_VIDEO:
    case GUMBO_TAG_SELECT:
    case GUMBO_TAG_DATALIST:
    case GUMBO_TAG_TEXTAREA:
    case GUMBO_TAG_BUTTON:
    case GUMBO_TAG_MENU:
    case GUMBO_TAG_NOFRAMES:
    case GUMBO_TAG_NOEMBED: return Kind::kDropped;
    case GUMBO_TAG_P:
    case GUMBO_TAG_DIV:
    case GUMBO_TAG_SECTION:
    case GUMBO_TAG_ARTICLE:
    case GUMBO_TAG_MAIN:
    case GUMBO_TAG_HEADER:
    case GUMBO_TAG_FOOTER:
    case GUMBO_TAG_HGROUP:
    case GUMBO_TAG_ADDRESS:
    case GUMBO_TAG_BLOCKQUOTE:
    case GUMBO_TAG_PRE:
    case GUMBO_TAG_LISTING:
    case GUMBO_TAG_XMP:
    case GUMBO_TAG_HR:
    case GUMBO_TAG_DL:
    case GUMBO_TAG_TABLE:
    case GUMBO_TAG_FIGURE:
    case GUMBO_TAG_FIELDSET:
    case GUMBO_TAG_FORM:
    case GUMBO_TAG_DETAILS:
    case GUMBO_TAG_CENTER:
    case GUMBO_TAG_H1:
    case GUMBO_TAG_H2:
    case GUMBO_TAG_H3:
    case GUMBO_TAG_H4:
    case GUMBO_TAG_H5:
    case GUMBO_TAG_H6:
    case GUMBO_TAG_UL:
    case GUMBO_TAG_OL:
    case GUMBO_TAG_DIR: return Kind::kBlock;
    case GUMBO_TAG_LI:
    case GUMBO_TAG_DT:
    case GUMBO_TAG_DD:
    case GUMBO_TAG_TR:
    case GUMBO_TAG_CAPTION:
    case GUMBO_TAG_FIGCAPTION:
    case GUMBO_TAG_SUMMARY:
    case GUMBO_TAG_LEGEND:
    case GUMBO_TAG_OPTION: return Kind::kLine;
    default: return Kind::kInline;
  }
}

int HeadingLevel(GumboTag tag) {
  return tag >= GUMBO_TAG_H1 && tag <= GUMBO_TAG_H6 ? static_cast<int>(tag) - static_cast<int>(GUMBO_TAG_H1) + 1 : 0;
}

bool IsList(GumboTag tag) { return tag == GUMBO_TAG_UL || tag == GUMBO_TAG_OL || tag == GUMBO_TAG_DIR; }
bool IsCell(GumboTag tag) { return tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH; }
bool IsPreformatted(GumboTag tag) { return tag == GUMBO_TAG_PRE || tag == GUMBO_TAG_LISTING || tag == GUMBO_TAG_XMP; }

const GumboVector* ChildrenOf(const GumboNode* node) {
  return node->type == GUMBO_NODE_ELEMENT ? &node->v.element.children : nullptr;
}

bool IsText(const GumboNode* node) {
  return node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_WHITESPACE || node->type == GUMBO_NODE_CDATA;
}

/// Says itself that it is not what the page is about.
bool IsChrome(const GumboElement& element) {
  if (gumbo_get_attribute(&element.attributes, "hidden") != nullptr) return true;
  const GumboAttribute* role = gumbo_get_attribute(&element.attributes, "role");
  if (role == nullptr) return false;
  static constexpr std::array kRoles = {"navigation", "banner",  "contentinfo", "complementary", "search",
                                        "menu",       "menubar", "toolbar",     "dialog",        "alertdialog"};
  return std::any_of(kRoles.begin(), kRoles.end(), [&](const char* r) { return strcasecmp(role->value, r) == 0; });
}

/// The `¶` beside a heading that links to itself.
bool IsHeadingAnchor(const GumboElement& element) {
  if (element.tag != GUMBO_TAG_A || element.children.length != 1) return false;
  const auto* child = static_cast<const GumboNode*>(element.children.data[0]);
  if (!IsText(child)) return false;
  const std::string_view text = child->v.text.text;
  return text == "¶" || text == "#" || text == "§" || text == "🔗";
}

bool IsArticle(GumboTag tag) {
  return tag == GUMBO_TAG_ARTICLE || tag == GUMBO_TAG_MAIN || tag == GUMBO_TAG_BLOCKQUOTE;
}

/// Calls `visit` for every descendant in document order, without recursion; `visit` says whether to go into it.
template <typename Visit>
void ForEachBelow(const GumboNode* top, Visit visit) {
  std::vector<std::pair<const GumboVector*, unsigned>> open;
  if (const auto* children = ChildrenOf(top)) open.emplace_back(children, 0);
  while (!open.empty()) {
    auto& [children, next] = open.back();
    if (next == children->length) {
      open.pop_back();
      continue;
    }
    const auto* node = static_cast<const GumboNode*>(children->data[next++]);
    if (!visit(node)) continue;
    if (const auto* below = ChildrenOf(node)) open.emplace_back(below, 0);
  }
}

/// A table that only arranges a page: one of its cells holds what does not fit a line.
bool IsLayoutTable(const GumboNode* table) {
  bool layout = false;
  unsigned paragraphs = 0;  // in the current cell
  ForEachBelow(table, [&](const GumboNode* node) {
    if (layout || node->type != GUMBO_NODE_ELEMENT) return false;
    const GumboTag tag = node->v.element.tag;
    if (IsCell(tag)) paragraphs = 0;
    if (tag == GUMBO_TAG_P) ++paragraphs;
    layout = paragraphs > 1 || HeadingLevel(tag) > 0 || IsList(tag) || IsPreformatted(tag) || tag == GUMBO_TAG_TABLE ||
             tag == GUMBO_TAG_DL || tag == GUMBO_TAG_BLOCKQUOTE || tag == GUMBO_TAG_ARTICLE ||
             tag == GUMBO_TAG_SECTION || tag == GUMBO_TAG_HR;
    return !layout;
  });
  return layout;
}

std::string FindTitle(const GumboNode* root) {
  TextFlow title;
  bool found = false;
  ForEachBelow(root, [&](const GumboNode* node) {
    if (found || node->type != GUMBO_NODE_ELEMENT) return false;
    if (node->v.element.tag != GUMBO_TAG_TITLE) return node->v.element.tag != GUMBO_TAG_SVG;
    ForEachBelow(node, [&](const GumboNode* text) {
      if (IsText(text)) title.Add(text->v.text.text);
      return false;
    });
    found = title.size() > 0;
    return false;
  });
  return std::string(title.from(0));
}

class Reader {
 public:
  /// Walks the tree with a stack of its own: pages nest deeper than a thread's stack.
  void Read(const GumboNode* root) {
    Open(root);
    while (!open_.empty()) {
      Element& element = open_.back();
      const GumboVector& children = element.node->v.element.children;
      if (element.next_child == children.length) {
        Leave(element);
        open_.pop_back();
      } else {
        Open(static_cast<const GumboNode*>(children.data[element.next_child++]));
      }
    }
  }

  std::string first_heading() && { return std::move(first_heading_).value_or(""); }
  std::string text() && { return std::move(flow_).Take(); }

 private:
  struct Element {
    const GumboNode* node;
    unsigned next_child = 0;
    size_t text_begin = 0;         // headings: where their text starts
    bool cells_are_lines = false;  // tables
  };

  void Open(const GumboNode* node) {
    if (IsText(node)) {
      if (preformatted_ > 0) {
        flow_.AddPreformatted(node->v.text.text);
      } else {
        flow_.Add(node->v.text.text);
      }
    } else if (node->type == GUMBO_NODE_ELEMENT && !IsDropped(node->v.element)) {
      open_.push_back({node});
      Enter(open_.back());
    }
  }

  bool IsDropped(const GumboElement& element) const {
    if (KindOf(element.tag) == Kind::kDropped || IsChrome(element) || IsHeadingAnchor(element)) return true;
    return element.tag == GUMBO_TAG_FOOTER && articles_ == 0;
  }

  void BreakAround(GumboTag tag) {
    const Kind kind = KindOf(tag);
    if (kind == Kind::kLine || (kind == Kind::kBlock && IsList(tag) && lists_ > 1) || IsItemParagraph(tag)) {
      flow_.Break();
    } else if (kind == Kind::kBlock) {
      flow_.Paragraph();
    }
  }

  /// `<li><p>`: the items of such a list need no blank lines between them.
  bool IsItemParagraph(GumboTag tag) const {
    return tag == GUMBO_TAG_P && open_.size() > 1 && open_[open_.size() - 2].node->v.element.tag == GUMBO_TAG_LI;
  }

  void Enter(Element& element) {
    const GumboTag tag = element.node->v.element.tag;
    if (IsList(tag)) ++lists_;
    if (IsArticle(tag)) ++articles_;
    if (tag == GUMBO_TAG_BR) {
      if (preformatted_ > 0)
        flow_.AddPreformatted("\n");
      else
        flow_.LineBreak();
    }
    if (tag == GUMBO_TAG_DT && !after_term_) flow_.Paragraph();
    if (tag == GUMBO_TAG_DD || tag == GUMBO_TAG_DL) after_term_ = false;
    BreakAround(tag);
    if (tag == GUMBO_TAG_DD) flow_.Glue();
    if (const int level = HeadingLevel(tag)) {
      flow_.Mark(std::string(static_cast<size_t>(level), '#') + " ");
      flow_.BeginLine();
      element.text_begin = flow_.size();
    }
    if (tag == GUMBO_TAG_LI) {
      flow_.Mark(std::string(2 * static_cast<size_t>(std::clamp(lists_ - 1, 0, 8)), ' ') + "- ");
    }
    if (IsPreformatted(tag)) ++preformatted_;
    if (tag == GUMBO_TAG_TABLE) {
      element.cells_are_lines = !IsLayoutTable(element.node);
      tables_.push_back({element.cells_are_lines, false});
    }
    if (tag == GUMBO_TAG_TR && !tables_.empty()) tables_.back().row_has_cell = false;
    if (IsCell(tag)) EnterCell();
  }

  void EnterCell() {
    if (tables_.empty() || !tables_.back().cells_are_lines) return flow_.Paragraph();
    if (std::exchange(tables_.back().row_has_cell, true)) flow_.NextCell();
    flow_.BeginLine();
  }

  void Leave(const Element& element) {
    const GumboTag tag = element.node->v.element.tag;
    if (IsCell(tag) && !tables_.empty() && tables_.back().cells_are_lines) flow_.EndLine();
    if (tag == GUMBO_TAG_TR) flow_.EndRow();
    if (tag == GUMBO_TAG_TABLE) tables_.pop_back();
    if (IsPreformatted(tag)) --preformatted_;
    if (tag == GUMBO_TAG_LI) flow_.DropMark();
    if (tag == GUMBO_TAG_DT) after_term_ = true;
    if (HeadingLevel(tag) > 0) LeaveHeading(element, tag);
    BreakAround(tag);
    if (IsArticle(tag)) --articles_;
    if (IsList(tag)) --lists_;
  }

  void LeaveHeading(const Element& element, GumboTag tag) {
    flow_.EndLine();
    flow_.DropMark();
    if (tag != GUMBO_TAG_H1 || first_heading_) return;
    std::string_view heading = flow_.from(element.text_begin);
    heading.remove_prefix(std::min(heading.find_first_not_of("\n# "), heading.size()));
    if (!heading.empty()) first_heading_ = std::string(heading);
  }

  struct Table {
    bool cells_are_lines;
    bool row_has_cell;
  };

  TextFlow flow_;
  std::vector<Element> open_;
  std::vector<Table> tables_;
  std::optional<std::string> first_heading_;
  int lists_ = 0, articles_ = 0, preformatted_ = 0;
  bool after_term_ = false;  // terms that share a definition stay together
};

}  // namespace

base::Result<HtmlPage> ReadHtml(std::string_view html, const HtmlLimits& limits) {
  ASSIGN_OR_RETURN(const HtmlTree tree, HtmlTree::Parse(html, limits));
  Reader reader;
  reader.Read(tree.root());
  HtmlPage page;
  page.title = FindTitle(tree.root());
  if (page.title.empty()) page.title = std::move(reader).first_heading();
  page.text = std::move(reader).text();
  return page;
}

}  // namespace millrace::cli
