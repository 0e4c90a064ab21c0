"""Texts whose ids a manifest records, so that another installation can be held against it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from castor.tokenizer import reserved

N_VECTORS = 200
WINDOW = 240  # characters of one text of the sample
N_FROM_SAMPLE = 100  # of the vectors, where the sample gives as many

# Strings at which tokenizers are known to differ or to lose text.
PROBES = (
    "",
    " ",
    "a",
    "a  b and    c",
    "\n\n    x\n",
    "x" + " " * 40 + "y",
    " " * 31,
    " " * 32,
    " " * 63 + "x",
    "  leading and trailing  ",
    "\n" * 31 + "a" + "\n" * 32,
    "a\nb\n\nc\r\nd\re",
    "\r",
    "\t\tif x:\n\t\t\treturn y\t",
    " \t \n \t\n",
    "12 345",
    "3.14159e-10, 1,000,000 and 0x1F",
    "\uff11\uff12\uff13 \u0661\u0662\u0663 \u00b2\u00bd\u2167",
    "\u2581",
    "a\u2581b \u2581\u2581 c",
    "\x00",
    "a\x00b",
    "\x1f and \x7f",
    "\ufeffbyte order mark",
    "\ufffd \uffff \U0010ffff",
    "\u2585\u2585 bars \u2583",
    "can't won't it's \u2019tis",
    "Hello, World! HELLO WORLD hello world",
    "snake_case camelCase kebab-case SCREAMING_CASE",
    "https://example.org/a/b.html?q=1&r=%20#top",
    "def f(x: int) -> list[str]:\n    return [str(x)] * 2  # twice\n",
    "<p>Some <b>bold</b> and <i>slanted</i> text.</p><br/>",
    "<table><tr><td>1</td></tr></table>",
    "<TABLE> < b > <b",
    "<0x0A>",
    "<0x00><0xFF><0xff>",
    "<s>a</s>",
    "<unk> <pad> <bos>x<eos>",
    "[PAD] <|endoftext|> <|im_start|>",
    "e\u0301 \u00e9 a\u0308 n\u0303",
    "a\u0301\u0302\u0303\u0304b",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "\U0001f600\U0001f44d\U0001f3fd \u2764\ufe0f \U0001f1e9\U0001f1ea",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002",
    "\u65e5\u672c\u8a9e\u306e\u30ab\u30bf\u30ab\u30ca\u3001\u30fc\u3068\u30b9\u30fc\u30d1\u30fc",
    "\ud55c\uad6d\uc5b4 \ubb38\uc7a5\uc785\ub2c8\ub2e4.",
    "\u0e20\u0e32\u0e29\u0e32\u0e44\u0e17\u0e22\u0e44\u0e21\u0e48\u0e21\u0e35\u0e0a\u0e48\u0e2d\u0e07\u0e27\u0e48\u0e32\u0e07",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u092d\u093e\u0937\u093e",
    "\u0627\u0644\u0633\u0651\u0644\u0627\u0645\u064f \u0639\u0644\u064a\u0643\u0645",
    "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd",
    "\u0420\u0443\u0441\u0441\u043a\u0438\u0439 \u0442\u0435\u043a\u0441\u0442, \u0435\u0449\u0451",
    "\u0395\u03bb\u03bb\u03b7\u03bd\u03b9\u03ba\u03ac \u03ba\u03b1\u03b9 \u03c3\u03c4\u03bf",
    "\u1797\u17b6\u179f\u17b6\u1781\u17d2\u1798\u17c2\u179a \u1018\u102c\u101e\u102c",
    "mixed\u0430\u03b1\u4e2d\u6587abc\u0e01",
    "\U00020000\U0002a6df \U00010330\U00010331",
    "\u00a0\u2003\u3000\u200b\u00ad spaces",
    "\u2026\u2014\u00ab\u00bb\u201c\u201d\u00a1\u00bf",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "abababababababababababababababababab",
    "=" * 40 + "-" * 40,
    "$x^2 + \\frac{1}{2} \\le \\alpha$ \u2264 \u2211 \u222b",
)


def vector_texts(sample: Sequence[str]) -> list[str]:
    """The texts of the test vectors: probes, then pieces of the sample, 200 in all.

    Args:
        sample: some texts of the sample, in an order that does not depend on the run. Windows
            are cut from them in turn; where they do not suffice, probes are joined.
    """
    texts = dict.fromkeys(PROBES)
    texts |= dict.fromkeys(map(_in_text, reserved.CONTROL_SYMBOLS[: N_VECTORS - len(PROBES)]))
    kept = list(texts)[: N_VECTORS - N_FROM_SAMPLE]
    found = dict.fromkeys(kept)
    for text in _windows(sample):
        if len(found) == N_VECTORS:
            break
        found[text] = None
    for left in PROBES:
        for right in PROBES:
            if len(found) < N_VECTORS:
                found[left + "|" + right] = None
    return list(found)


def _in_text(literal: str) -> str:
    return f"a {literal} in the text{literal}{literal}."


def _windows(texts: Sequence[str]) -> Iterator[str]:
    """Windows of the texts: the first of each, then the second of each, and so on."""
    longest = max(map(len, texts), default=0)
    for start in range(0, longest, WINDOW):
        for text in texts:
            if start < len(text):
                yield text[start : start + WINDOW]
