"""An n-gram model of ours as an ARPA file, which KenLM reads: the same n-grams, not quantised."""

import math
import pathlib

import numpy as np
import pyarrow as pa

from castor.filters.classify import ngram_train

LN10 = math.log(10)


def write(path: pathlib.Path, column: pa.Array, orders: list[ngram_train.Order]) -> None:
    """Writes the n-grams of texts as `estimate` gave them with min_count 1.

    Args:
        column: the folded texts that they are from.
    """
    units, within = ngram_train._units(column, 1)
    words = [w for text in column.to_pylist() if text for line in text.split("\n")
             for w in ("<s>", *line.split(), "</s>")]  # fmt: skip
    assert len(words) == len(units)
    hashes = ngram_train._hashes(units, len(orders))
    with path.open("w", encoding="utf-8") as file:
        file.write("\\data\\\n")
        for n, order in enumerate(orders, 1):
            file.write(f"ngram {n}={len(order.hashes) + (n == 1)}\n")
        for n, order in enumerate(orders, 1):
            places = np.flatnonzero(within >= n)
            keys, first = np.unique(hashes[n - 1][places], return_index=True)
            last = places[first[np.searchsorted(keys, order.hashes)]].tolist()
            file.write(f"\n\\{n}-grams:\n")
            logs, backoffs = (order.logs / LN10).tolist(), (order.backoffs / LN10).tolist()
            if n == 1:
                file.write(f"{min(logs):.7f}\t<unk>\t0\n")
            for place, log, backoff in zip(last, logs, backoffs, strict=True):
                gram = " ".join(words[place - n + 1 : place + 1])
                tail = "" if n == len(orders) else f"\t{backoff:.7f}"
                file.write(f"{-99 if gram == '<s>' else log:.7f}\t{gram}{tail}\n")
        file.write("\n\\end\\\n")
