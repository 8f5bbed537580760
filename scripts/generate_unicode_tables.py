#!/usr/bin/env python3
"""Writes src/embed/unicode_tables.cc: what the reference tokenizer's text normaliser does to each code point.

The tables are frozen on purpose. The model was trained with, and is served elsewhere by, a normaliser whose Unicode
data are of several old versions at once, so no version of ICU gives the same answer. Instead of imitating its data,
this script asks the library itself, code point by code point, and checks the assumptions that the C++ side makes.

    pip install --no-deps --require-hashes -r tests/parity/requirements.txt
    scripts/generate_unicode_tables.py > src/embed/unicode_tables.cc
"""

import sys

import tokenizers
from tokenizers import normalizers, pre_tokenizers

BLOCK = 128
# Entries below FIRST_MAPPING are verdicts (enum in unicode_tables.h), the others index the mappings.
AS_IS, DROPPED, SPACE, ISOLATED_AS_IS, MARK_AS_IS, HANGUL_SYLLABLE, FIRST_MAPPING = range(7)
LAST, ISOLATED = 1 << 30, 1 << 31

bert = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=True)
nfd = normalizers.NFD()
split = pre_tokenizers.BertPreTokenizer()


def is_reordered(char):
    """Whether canonical ordering may move it: its combining class is not 0, so a mark of class 1 or of 240 swaps."""
    low, high = "\u0334", "\u0345"
    return nfd.normalize_str(char + low) == low + char or nfd.normalize_str(high + char) == char + high


def hangul(code):
    index = code - 0xAC00
    parts = [0x1100 + index // 588, 0x1161 + index % 588 // 28]
    return "".join(map(chr, parts + ([0x11A7 + index % 28] if index % 28 else [])))


class Mappings:
    def __init__(self):
        self.words, self.starts = [], {}

    def entry(self, out, isolated):
        key = (out, isolated)
        if key not in self.starts:
            self.starts[key] = len(self.words)
            words = [ord(c) | (ISOLATED if isolated else 0) for c in out]
            words[-1] |= LAST
            self.words += words
        return FIRST_MAPPING + self.starts[key]


def entry(code, mappings):
    char = chr(code)
    spaced = bert.normalize_str(char)
    out = spaced.strip(" ")
    if not out:
        return SPACE if spaced else DROPPED
    pieces = [piece for piece, _ in split.pre_tokenize_str("a" + spaced + "a")]
    isolated = pieces == ["a", out, "a"]
    assert isolated or pieces == ["a" + out + "a"], hex(code)
    assert not isolated or len(out) == 1, hex(code)
    if 0xAC00 <= code <= 0xD7A3:
        assert out == hangul(code) and not isolated, hex(code)
        return HANGUL_SYLLABLE
    if out != char:
        assert not is_reordered(char), hex(code)
        return mappings.entry(out, isolated)
    if is_reordered(char):
        assert not isolated, hex(code)
        return MARK_AS_IS
    return ISOLATED_AS_IS if isolated else AS_IS


def rows(numbers, form=str):
    line = ""
    for number in numbers:
        item = form(number) + ","
        if len(line) + len(item) > 120:
            yield line
            line = ""
        line += item
    yield line


def array(declaration, numbers, form=str):
    return f"{declaration} = {{\n" + "\n".join(rows(numbers, form)) + "\n};\n"


def main():
    mappings = Mappings()
    entries = [AS_IS if 0xD800 <= code < 0xE000 else entry(code, mappings) for code in range(0x110000)]
    blocks, index = {}, []
    for start in range(0, len(entries), BLOCK):
        index.append(blocks.setdefault(tuple(entries[start : start + BLOCK]), len(blocks)))
    assert len(blocks) <= 256 and FIRST_MAPPING + len(mappings.words) < 1 << 16
    print(f"""\
// Made by scripts/generate_unicode_tables.py from tokenizers {tokenizers.__version__}; do not edit.

#include "embed/unicode_tables.h"

// clang-format off
namespace millrace::embed {{
""")
    print(array("const std::uint8_t kUnicodeBlocks[kUnicodeBlockCount]", index))
    print(array("const std::uint16_t kUnicodeEntries[]", [e for block in blocks for e in block]))
    print(array("const std::uint32_t kUnicodeMappings[]", mappings.words, hex))
    print("}  // namespace millrace::embed")
    print(f"{len(blocks)} blocks, {len(mappings.words)} mapped code points", file=sys.stderr)


if __name__ == "__main__":
    main()
