#!/usr/bin/env python3
"""Compares our WordPiece with the reference, Hugging Face `tokenizers`: ids and byte offsets must be equal.

Only the extent of an [UNK] word that holds a mark which NFD may reorder and the reference fails to drop (83 of them) is
not compared: there the reference's offsets are those of whatever mark the reordering put first or last.

    pip install --no-deps --require-hashes -r tests/parity/requirements.txt
    tests/parity/wordpiece_parity.py --probe build/dev/wordpiece_probe [--seed N] [--megabytes N] [FILE|DIRECTORY …]

Texts: every code point once, random Unicode from the seed, and the lines and wholes of the UTF-8 files given.
Prints the differences (exit status 1) and, from the same run, the speed of both on one thread.
"""

import argparse
import os
import random
import subprocess
import sys
import time
import unicodedata
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers  # noqa: E402

MODEL = Path(os.environ.get("MILLRACE_MODEL_DIR")
             or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "millrace" / "model")
CODES = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
UNKNOWN = 100
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def reference(vocab, tokenizer_json):
    if tokenizer_json:
        tokenizer = Tokenizer.from_file(str(tokenizer_json))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer
    pieces = vocab.read_text(encoding="utf-8").split("\n")[:-1]
    tokenizer = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]",
                                           max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=None,
                                                      lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.add_special_tokens([AddedToken(t, normalized=False) for t in SPECIALS if t in pieces])
    return tokenizer


def expected(encoding, text):
    """The reference counts code points, we count bytes."""
    starts, at = [0], 0
    for char in text:
        at += len(char.encode())
        starts.append(at)
    return [(i, starts[b], starts[e]) for i, (b, e) in zip(encoding.ids, encoding.offsets)]


def reordered_marks():
    bert, nfd, low, high = normalizers.BertNormalizer(), normalizers.NFD(), "\u0334", "\u0345"
    return {c for c in map(chr, CODES) if bert.normalize_str(c)
            and (nfd.normalize_str(c + low) == low + c or nfd.normalize_str(high + c) == c + high)}


def same(ours, theirs, data, marks):
    """Equal but for the extents excused above."""
    if [token[0] for token in ours] != [token[0] for token in theirs]:
        return False
    for (token, *our), (_, *their) in zip(ours, theirs):
        if our != their:
            word = data[min(our[0], their[0]) : max(our[1], their[1])].decode()
            if token != UNKNOWN or not marks.intersection(normalizers.NFD().normalize_str(word)):
                return False
    return True


def report(ours, theirs, text):
    first = next((i for i, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    at = max(0, theirs[first][1] - 20) if first < len(theirs) else 0
    print(f"DIFFERENT at token {first}: ours {ours[first:first + 3]}, reference {theirs[first:first + 3]} in "
          f"{ascii(text.encode()[at:at + 80].decode(errors='replace'))}")


def every_code_point():
    for i in range(0, len(CODES), 64):
        chars = [chr(c) for c in CODES[i : i + 64]]
        yield " ".join(chars)
        yield " ".join("a" + c + "b" for c in chars)
        yield "".join(chars)


def random_texts(seed, megabytes, pieces):
    rng = random.Random(seed)
    pieces = [piece.removeprefix("##") for piece in pieces]
    dropped = "\u0000\u00ad\u0301\u0323\u034f\u200d\ufe0f\ufffd\ue000"
    any_char = lambda: chr(rng.choice((rng.randrange(0xD800), rng.randrange(0x3000), rng.randrange(0xE000, 0x110000),
                                       rng.randrange(0x10000, 0x20000))))
    blocks = [(0x20, 0x7F), (0, 0x20), (0x80, 0x250), (0x300, 0x370), (0x370, 0x530), (0x590, 0x780), (0x8D0, 0xD80),
              (0x1100, 0x1200), (0x1AB0, 0x1B80), (0x1DC0, 0x2100), (0x2190, 0x2C00), (0x3000, 0x3100),
              (0x3400, 0x9FFF),
              (0xAC00, 0xD7B0), (0xF900, 0xFB10), (0xFE00, 0x10000), (0x1D100, 0x1D200), (0x1E000, 0x1E030),
              (0x1E900, 0x1E960), (0x1F300, 0x1FA00), (0x20000, 0x2CEB0), (0x2F800, 0x2FA20), (0xE0000, 0xE0200)]
    parts = SPECIALS + [s.lower() for s in SPECIALS] + [
        "[SEP", "SEP]", "[[", "]]", "[S\u0000EP]", "ß", "ẞ", "İ", "ı", "Σας", "ΟΔΟΣ", "ﬁ", "Ǆ", "ŉ", "e\u0301\u0323",
        "\ufffd", "\u00ad", "\u200d", "\u2028", "\u3000", "\u302e\u302f", "\U0001d15e", "👩‍👩‍👧", "🇩🇪", "##", "##ing",
        "don't", "unaffable", "internationalization", "한국어", "कि", "x" * 100, "x" * 101, "é" * 100, "é" * 101,
        "한" * 33, "한" * 34]

    def piece():
        kind = rng.randrange(10)
        if kind == 0:
            return any_char()
        if kind == 1:
            return rng.choice(parts)
        if kind == 2:
            return rng.choice((" ", " ", "  ", "\n", ". ", ", "))
        if kind == 3:
            return "".join(rng.choice("aeinorstlhdcu") for _ in range(rng.randrange(1, 9)))
        if kind < 6:  # known pieces in odd clothes, so that words come out as more than [UNK]
            word = "".join(rng.choice(pieces) for _ in range(rng.randrange(1, 4)))
            word = unicodedata.normalize(rng.choice(("NFC", "NFD")), rng.choice((word, word.upper(), word.title())))
            at = rng.randrange(len(word) + 1)
            return word[:at] + rng.choice(("", "", rng.choice(dropped))) + word[at:] + rng.choice(("", " "))
        low, high = rng.choice(blocks)
        return "".join(chr(rng.randrange(low, high)) for _ in range(rng.randrange(1, 12)))

    size = 0
    while size < megabytes * 1e6:
        text = "".join(piece() for _ in range(rng.randrange(1, 400)))
        size += len(text.encode())
        yield text


def files(paths):
    for path in paths:
        for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
            try:
                text = file.read_bytes().decode("utf-8")
            except UnicodeDecodeError:
                continue
            yield text
            yield from text.splitlines()


def run_probe(probe, vocab, texts, *flags):
    frames = b"".join(b"%d\n%s" % (len(data), data) for data in (text.encode() for text in texts))
    return subprocess.run([probe, vocab, *flags], input=frames, stdout=subprocess.PIPE, check=True).stdout.decode()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--probe", required=True, help="the built wordpiece_probe")
    parser.add_argument("--vocab", type=Path, default=MODEL / "vocab.txt")
    parser.add_argument("--tokenizer-json", type=Path, help="instead of the settings above")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--megabytes", type=float, default=10)
    parser.add_argument("paths", nargs="*", type=Path)
    args = parser.parse_args()
    tokenizer, marks = reference(args.vocab, args.tokenizer_json), reordered_marks()
    assert tokenizer.token_to_id("[UNK]") == UNKNOWN

    differences = 0
    pieces = sorted(tokenizer.get_vocab())
    for name, texts in (("every code point", every_code_point()),
                        (f"random, seed {args.seed}", random_texts(args.seed, args.megabytes, pieces)),
                        ("files", files(args.paths))):
        total, size, tokens, reference_seconds, our_seconds = 0, 0, 0, 0.0, 0.0
        while batch := [text for _, text in zip(range(2000), texts)]:
            started = time.process_time()
            encodings = [tokenizer.encode(text, add_special_tokens=False) for text in batch]
            reference_seconds += time.process_time() - started
            our_seconds += float(run_probe(args.probe, args.vocab, batch, "--time").split()[0])
            answers = run_probe(args.probe, args.vocab, batch).split("\n")
            for text, encoding, answer in zip(batch, encodings, answers):
                ours = [tuple(map(int, token.split(":"))) for token in answer.split()]
                theirs = expected(encoding, text)
                tokens += len(theirs)
                if ours != theirs and not same(ours, theirs, text.encode(), marks):
                    differences += 1
                    if differences <= 20:
                        report(ours, theirs, text)
            total += len(batch)
            size += sum(len(text.encode()) for text in batch)
        if total:
            speeds = "; ".join(f"{who} {size / 1e6 / seconds:.2f} MB/s, {tokens / seconds / 1e3:.0f}k tokens/s"
                               for who, seconds in (("reference", reference_seconds), ("ours", our_seconds)))
            print(f"{name}: {total} texts, {size / 1e6:.1f} MB, {tokens} tokens; {speeds}", flush=True)
    print(f"{differences} texts differ")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
