#include "core/sentence_rules.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>

namespace millrace::core {
namespace {

// Sorted, lower-case, without the final full stop.

// A name or a phrase follows: never the end.
constexpr auto kBeforeNames = std::to_array<std::string_view>(
    {"approx", "bzw",  "ca",  "capt", "cf",  "d.h",    "dr",  "e.g", "esp", "excl", "gen",
     "gov",    "hon",  "i.e", "incl", "lt",  "messrs", "mme", "mr",  "mrs", "ms",   "mt",
     "pres",   "prof", "rep", "resp", "rev", "sen",    "sgt", "st",  "viz", "vs",   "z.b"});

// The end, unless a number follows.
constexpr auto kBeforeNumbers =
    std::to_array<std::string_view>({"art", "ch", "chap", "eq", "eqs", "fig", "figs", "no", "nos", "nr", "p", "para",
                                     "pp", "sec", "secs", "vol", "vols"});

// May end a sentence: what follows decides, as after an initial.
constexpr auto kAmbiguous = std::to_array<std::string_view>(
    {"al",  "apr", "aug", "ave", "bros", "co",  "corp", "dec", "dept", "ed",  "eds",  "est", "etc",  "feb", "inc",
     "jan", "jr",  "jul", "jun", "ltd",  "mar", "nov",  "oct", "ph.d", "sep", "sept", "sr",  "univ", "usw"});

// Capitalised in the middle of a sentence only in titles.
constexpr auto kStarters = std::to_array<std::string_view>(
    {"a",     "after", "all",  "although", "an",    "and",   "as",    "at",    "because", "before", "both", "but",
     "by",    "each",  "for",  "from",     "he",    "her",   "his",   "how",   "however", "i",      "if",   "in",
     "it",    "its",   "many", "most",     "my",    "no",    "not",   "on",    "one",     "or",     "our",  "she",
     "since", "so",    "some", "that",     "the",   "their", "then",  "there", "these",   "they",   "this", "those",
     "to",    "we",    "what", "when",     "where", "which", "while", "who",   "why",     "with",   "you",  "your"});

static_assert(std::ranges::is_sorted(kBeforeNames) && std::ranges::is_sorted(kBeforeNumbers) &&
              std::ranges::is_sorted(kAmbiguous) && std::ranges::is_sorted(kStarters));

constexpr std::size_t kLongestWord = 12;  // of the lists

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsAsciiDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAscii(char c) { return static_cast<unsigned char>(c) < 0x80; }

std::string Lowered(std::string_view word) {
  std::string lowered(word);
  for (char& c : lowered) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lowered;
}

template <typename List>
bool Contains(const List& list, const std::string& word) {
  return std::ranges::binary_search(list, std::string_view(word));
}

/// The letters and inner full stops before the final full stop of `sentence`; empty when it is no word of ASCII
/// letters.
std::string_view LastWord(std::string_view sentence) {
  sentence.remove_suffix(1);
  std::size_t begin = sentence.size();
  while (begin > 0 && (IsLetter(sentence[begin - 1]) || sentence[begin - 1] == '.')) --begin;
  const bool part_of_more = begin > 0 && (!IsAscii(sentence[begin - 1]) || IsAsciiDigit(sentence[begin - 1]));
  return part_of_more ? std::string_view() : sentence.substr(begin);
}

/// `J`, `U.S`, `a.m`
bool IsInitials(std::string_view word) {
  if (word.size() == 1) return IsUpper(word[0]);
  if (word.size() % 2 == 0) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (i % 2 == 0 ? !IsLetter(word[i]) : word[i] != '.') return false;
  }
  return true;
}

bool StartsWithStarter(std::string_view next) {
  const auto end = std::ranges::find_if_not(next, IsLetter);
  const auto size = static_cast<std::size_t>(end - next.begin());
  return size <= kLongestWord && Contains(kStarters, Lowered(next.substr(0, size)));
}

bool StartsWithNumber(std::string_view next) {
  return IsAsciiDigit(next[0]) || next[0] == '(' || (IsUpper(next[0]) && next.size() > 1 && !IsLetter(next[1]));
}

bool EndsAfterFullStop(std::string_view sentence, std::string_view next) {
  const std::string_view word = LastWord(sentence);
  if (word.empty() || word.size() > kLongestWord) return true;
  const std::string lowered = Lowered(word);
  if (Contains(kBeforeNames, lowered)) return false;
  if (Contains(kBeforeNumbers, lowered)) return !StartsWithNumber(next);
  if (Contains(kAmbiguous, lowered) || IsInitials(word)) return StartsWithStarter(next) || !IsAscii(next[0]);
  return true;
}

/// `1.`, `--`: a list's number or a mark, which belongs to what follows.
bool IsMarker(std::string_view sentence) {
  return sentence.size() <= 8 && std::ranges::none_of(sentence, [](char c) { return IsLetter(c) || !IsAscii(c); });
}

}  // namespace

bool EndsSentence(std::string_view text, std::size_t begin, std::size_t border) {
  const std::string_view next = text.substr(border);
  if (next.empty()) return true;
  std::string_view sentence = text.substr(begin, border - begin);
  const std::size_t last_mark = sentence.find_last_not_of(" \t\r");
  if (last_mark == std::string_view::npos) return false;
  const bool spaced = last_mark + 1 < sentence.size();
  sentence = sentence.substr(0, last_mark + 1);
  if (IsMarker(sentence)) return false;
  const char mark = sentence.back();
  if (!spaced && IsAscii(mark) && IsAscii(next[0])) return false;  // `/find?q=1`, `main!()`
  const bool closes = mark == '"' || mark == '\'' || mark == ')' || mark == ']' || sentence.ends_with("”") ||
                      sentence.ends_with("’") || sentence.ends_with("»");
  if (closes) return !IsLower(next[0]);  // “Really?” she asked.
  return mark != '.' || EndsAfterFullStop(sentence, next);
}

}  // namespace millrace::core
