"""Texts for tests: the same number always gives the same text, different numbers different ones."""

import random

WORDS = """river stone bridge garden window market letter engine harvest copper silver marble lantern orchard meadow castle harbour
village teacher painter sailor farmer doctor miller baker hunter singer winter summer autumn spring morning evening thunder rain
cloud forest mountain valley island desert ocean bottle candle mirror carpet basket hammer needle ladder wheel anchor compass
violin trumpet drum paper pencil ribbon button pocket jacket saddle horse falcon salmon spider turtle rabbit badger otter walnut
cherry ginger pepper barley butter cheese honey apple lemon onion carrot potato cabbage quiet narrow bright heavy gentle ancient
hollow bitter golden crooked distant sudden""".split()


def sentence(source, length=None):
    words = [source.choice(WORDS) for _ in range(length or source.randint(5, 14))]
    return " ".join(words).capitalize() + "."


def text(number, sentences=None):
    """A few paragraphs."""
    source = random.Random(number)
    count = sentences or source.randint(3, 20)
    pieces = [f"Note number {number} begins here."]
    for index in range(1, count):
        pieces.append(("\n\n" if index % 7 == 0 else " ") + sentence(source))
    return "".join(pieces)


def long_text(number, size):
    """At least `size` bytes of ASCII, paragraphs of sentences."""
    source = random.Random(number)
    pieces = [f"Volume number {number} begins here."]
    total = len(pieces[0])
    while total < size:
        piece = ("\n\n" if len(pieces) % 9 == 0 else " ") + sentence(source)
        pieces.append(piece)
        total += len(piece)
    return "".join(pieces)


# One code point is not one byte, not one UTF-16 unit and not one character here.
MANY_SCRIPTS = (
    "Grüße aus Köln! 👩‍👩‍👧‍👦 A family of four came by train. Cafe\u0301 with a combining accent; ﬁne ligatures.\r\n"
    "Привет, мир. Это второе предложение! 日本語の文章です。次の文もあります。 العربية تُكتب من اليمين. "
    "Flags: 🇩🇪🇫🇷. Zero\u200bwidth, a\u0327\u0301\u0323 stacked marks, 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 beyond the first plane.\n\n"
    "हिन्दी में एक वाक्य। ไทยไม่มีช่องว่างระหว่างคำ 🏳️‍🌈 The end?! \u2028 Really the end. "
)
