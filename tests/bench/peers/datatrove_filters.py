"""datatrove's filters on texts: the reason of each alone and of FineWeb's chain, and their speed.

Asked with `texts`, optionally `values` (every quantity of the filters too) and `seconds` (the
processor time of the chain alone, measured after a warm-up on the first texts).
"""

import json
import sys
import time

from datatrove.data import Document
from datatrove.pipeline import filters
from datatrove.pipeline.filters import gopher_repetition_filter as repetition
from datatrove.utils.text import PUNCTUATION_SET, split_into_words


def made():
    """The four filters as FineWeb runs them, and C4's as it comes."""
    return (
        filters.GopherRepetitionFilter(),
        filters.GopherQualityFilter(),
        filters.C4QualityFilter(filter_no_terminal_punct=False),
        filters.FineWebQualityFilter(),
        filters.C4QualityFilter(),
    )


def alone(one, text):
    """The reason of a filter on a text: "" if it keeps it, an exception's name if it raises."""
    try:
        found = one.filter(Document(text=text, id=""))
    except Exception as error:
        return f"raised {type(error).__name__}"
    return "" if found is True else found[1]


def chain(four, text):
    """The first reason of the four, each on what the one before it left."""
    document = Document(text=text, id="")
    for one in four:
        found = one.filter(document)
        if found is not True:
            return found[1]
    return ""


def guarded(four, text):
    """The same, or the name of the exception."""
    try:
        return chain(four, text)
    except Exception as error:
        return f"raised {type(error).__name__}"


def values(text):
    """What the filters compare with their thresholds, as counts."""
    words = split_into_words(text, "eng")
    real = [w for w in words if any(c not in PUNCTUATION_SET for c in w)]
    found = {
        "n_tokens": len(words),
        "n_words": len(real),
        "word_characters": sum(map(len, real)),
        "letter_words": sum(any(c.isalpha() for c in w) for w in words),
    }
    for n in (2, 3, 4):
        grams = repetition.get_n_grams(words, n)
        found[f"top_{n}"] = repetition.find_top_duplicate(grams) if grams else 0
    for n in range(5, 11):
        found[f"duplicate_{n}"] = repetition.find_all_duplicate(words, n)
    return found


def main() -> None:
    """Answers one question."""
    asked = json.load(sys.stdin)
    texts = asked["texts"]
    four = made()[:4]
    answer = {}
    if asked.get("reasons", True):
        names = ("repetition", "quality", "c4_open", "fineweb", "c4")
        alone_ = {n: [alone(f, t) for t in texts] for n, f in zip(names, made())}
        answer = {**alone_, "chain": [guarded(four, t) for t in texts]}
    if asked.get("values"):
        answer["values"] = [values(t) for t in texts]
    if asked.get("seconds"):
        for text in texts[:3]:
            chain(four, text)
        start = time.process_time()
        for text in texts:
            guarded(four, text + " ")
        answer["seconds"] = time.process_time() - start
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
