#!/usr/bin/env python3
"""Writes the answers of the reference tokenizer that tests/unit/embed/wordpiece_test.cc expects.

    pip install --no-deps --require-hashes -r tests/parity/requirements.txt
    tests/parity/wordpiece_goldens.py

`wordpiece_texts.jsonl`: keeps each line's text and renews its tokens, [id, begin, end] in bytes; to add a case, add a
line with `name` and `text`. `wordpiece_code_points.txt`: for each 4,096 code points the FNV-1a hash of the ids of
"a<c>b <c>" for each of them, so that all of Unicode fits in 5 kB.
"""

import json
from pathlib import Path

from wordpiece_parity import MODEL, expected, reference

DATA = Path(__file__).resolve().parents[1] / "unit" / "embed" / "data"


def fnv1a(ids):
    digest = 0xCBF29CE484222325
    for token in ids:
        for byte in token.to_bytes(4, "little"):
            digest = (digest ^ byte) * 0x100000001B3 % 2**64
    return digest


def main():
    tokenizer = reference(MODEL / "vocab.txt", None)
    texts = DATA / "wordpiece_texts.jsonl"
    cases = [json.loads(line) for line in texts.read_text(encoding="utf-8").split("\n") if line]
    with texts.open("w", encoding="utf-8", newline="\n") as out:
        for case in cases:
            tokens = expected(tokenizer.encode(case["text"], add_special_tokens=False), case["text"])
            line = {"name": case["name"], "text": case["text"], "tokens": tokens}
            visible = case["text"].isprintable()
            out.write(json.dumps(line, ensure_ascii=not visible, separators=(",", ":")) + "\n")
    with (DATA / "wordpiece_code_points.txt").open("w", newline="\n") as out:
        for start in range(0, 0x110000, 4096):
            ids = []
            for code in range(start, start + 4096):
                if not 0xD800 <= code < 0xE000:
                    ids += tokenizer.encode(f"a{chr(code)}b {chr(code)}", add_special_tokens=False).ids
            out.write(f"{fnv1a(ids):016x}\n")


if __name__ == "__main__":
    main()
