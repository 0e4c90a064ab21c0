"""Small real tokenizers for tests, and the text in many scripts that they are trained on."""

import pathlib
import random

from castor.tokenizer import count as counting
from castor.tokenizer import train

WORDS = {
    "en": "the of and to in is that it was for on are with as his they at be this from have",
    "de": "der die das und nicht ein ist größer über Straße möchte schön wäre können",
    "vi": "không của và là có được người trong một những Việt đường học",
    "ru": "и в не на что быть это этот который человек время работа слово",
    "el": "και το να είναι για δεν θα λόγος άνθρωπος χρόνος ελληνικά",
    "hi": "और के है में की हिन्दी भाषा लोग समय काम नहीं",
    "ar": "في من على أن إلى كان هذا الذي العربية كتاب وقت",
    "ko": "그리고 하는 있는 것은 사람 시간 한국어 문장입니다 우리",
    "code": "def return self.x[i] = foo(bar, 12) if not None: import os # x86_64 0xFF",
}
UNSPACED = {
    "zh": "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会",
    "ja": "これは日本語の文章ですカタカナとひらがなーをスーパーでラーメン、食べました",
    "th": "ภาษาไทยไม่มีช่องว่างระหว่างคำและเขียนติดกันเสมอครับ",
}
ODD = (
    "<b>bold</b> 12 345",
    "a\u0301e\u0301 x\u0302",
    "👨\u200d👩\u200d👧 ❤\ufe0f",
    "\tif x:\n\t\treturn\n\n\n",
    "x" + " " * 40 + "y",
)

# Bits of text at which rows, scripts and reserved literals meet.
ATOMS = (
    *("<start_of_image>", "<0x0A>", "<s>", "</s>", "<unk>", "<bos>", "<b", ">", "<h1>", "<"),
    *("\u2581", " ", "  ", " " * 33, "\t", "\n", "\n\n", "\n" * 34, "\r", "\r\n", "\x00", "\x1f"),
    *("1", "23", "\uff14", "a", "the", "The", "é", "e\u0301", "\u0301", "α", "я", "日本", "カナ"),
    *(
        "ー",
        "、",
        "。",
        "ก",
        "ไทย",
        "한국",
        "😀",
        "👨\u200d👩",
        "\u200d",
        "!",
        "\ufffd",
        "\U0010ffff",
    ),
    *("ا", "ـ", "\u3099", "𠀀", "\u0378"),
)


def corpus(documents: int = 120, seed: int = 0) -> list[str]:
    """Documents in twelve languages and nine scripts, the same for the same arguments."""
    rng = random.Random(seed)
    found = []
    languages = [*WORDS, *UNSPACED]
    for number in range(documents):
        language = languages[number % len(languages)]
        lines = []
        for _ in range(rng.randint(2, 12)):
            n = rng.randint(4, 14)
            if language in WORDS:
                line = " ".join(rng.choices(WORDS[language].split(), k=n))
            else:
                line = "".join(rng.choices(UNSPACED[language], k=3 * n))
            lines.append(line + rng.choice([".", "!", "", "\u3002", " " + rng.choice(ODD)]))
        found.append("\n".join(lines))
    return found


def make_tokenizer(
    folder: pathlib.Path, texts: list[str] | None = None, vocab_size: int = 1000, **options: object
) -> pathlib.Path:
    """Trains a tokenizer into a folder and gives the folder."""
    texts = corpus() if texts is None else texts
    folder.mkdir(parents=True, exist_ok=True)
    train.train(
        folder,
        counting.count(texts),
        vocab_size=vocab_size,
        sample={"digest": "none", "seed": 0, "byte_cap": None, "strata": []},
        vectors_texts=texts,
        made_from={"documents": len(texts)},
        **options,
    )
    return folder
