"""Pages with hand-made answers, and which of their blocks the answers say are main text.

Two kinds of answers. A `body` is the whole article: blocks are aligned with it in order, so that
of two copies of a paragraph only one counts. `phrases` must be in the text or must not be: they
label the blocks that hold them, and a text from elsewhere (a teacher) the others, on pages where
it agrees with every phrase.
"""

from __future__ import annotations

import dataclasses
import gzip
import itertools
import json
import pathlib
import re
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

MAIN, OTHER, UNKNOWN = 1, 0, -1
N = 4  # words of a gram
MIN_COVER = 0.5  # of a block's grams on one diagonal, to be aligned with the body
GAP = 80  # words of the body between two aligned blocks, where short blocks are looked for


@dataclasses.dataclass(frozen=True)
class Page:
    """A page and its answer: `body`, or phrases to be `kept` and `cut`."""

    name: str
    url: str
    data: bytes
    body: str | None
    kept: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()

    @property
    def domain(self) -> str:
        """What folds are grouped by: the last two labels of the host, or three as in co.uk."""
        labels = (urllib.parse.urlsplit(self.url).hostname or self.name).lower().split(".")
        n = 3 if len(labels) > 2 and len(labels[-2]) <= 3 and len(labels[-1]) == 2 else 2
        return ".".join(labels[-n:])


def read_bodies(folder: pathlib.Path) -> Iterator[Page]:
    """Pages of scrapinghub's article-extraction-benchmark: ground-truth.json.gz beside html/."""
    answers = json.loads(gzip.decompress((folder / "ground-truth.json.gz").read_bytes()))
    for name in sorted(answers):
        data = gzip.decompress((folder / "html" / f"{name}.html.gz").read_bytes())
        yield Page(name, answers[name]["url"], data, answers[name]["articleBody"])


def read_phrases(archive: pathlib.Path, answers: pathlib.Path) -> Iterator[Page]:
    """Pages of a WARC, with a JSONL of `url`, `with` and `without`."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    by_url = {}
    with gzip.open(answers, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            by_url[row["url"]] = row
    with archive.open("rb") as file:
        for record in ArchiveIterator(file, record_types=WarcRecordType.response):
            url = record.headers.get("WARC-Target-URI") or ""
            if url in by_url:
                row = by_url[url]
                kept, cut = tuple(row.get("with", ())), tuple(row.get("without", ()))
                yield Page(url, url, record.reader.read(), None, kept, cut)


def align(words: np.ndarray, offsets: np.ndarray, body: np.ndarray) -> np.ndarray:
    """Which blocks the body is made of, in its order.

    Args:
        words, offsets: hashes of the words of all blocks, as `measure` gives them.
        body: hashes of the words of the body.

    Returns:
        int8 [n_blocks], MAIN or OTHER.
    """
    labels = np.full(len(offsets) - 1, OTHER, np.int8)
    places: dict[tuple[int, ...], list[int]] = {}
    listed = body.tolist()
    for i in range(len(listed) - N + 1):
        places.setdefault(tuple(listed[i : i + N]), []).append(i)
    candidates = []
    page = words.tolist()
    for b in range(len(labels)):
        first, last = int(offsets[b]), int(offsets[b + 1])
        n_grams = last - first - N + 1
        votes: dict[int, int] = {}
        for i in range(max(0, n_grams)):
            for j in places.get(tuple(page[first + i : first + i + N]), ())[:8]:
                votes[j - i] = votes.get(j - i, 0) + 1
        for start in sorted(votes, key=lambda d: (-votes[d], d))[:4]:
            near = sum(v for d, v in votes.items() if abs(d - start) <= 6)
            if near >= MIN_COVER * n_grams:
                candidates.append((b, start, start + last - first, near))
    chain = _heaviest_chain(candidates)
    for b, _, _, _ in chain:
        labels[b] = MAIN
    _add_short(labels, page, offsets, listed, chain)
    return labels


def _heaviest_chain(candidates: Sequence[tuple[int, int, int, int]]) -> list[tuple]:
    """Candidates (block, start, end, weight) that rise in block and start, the heaviest chain."""
    best: list[float] = []
    before: list[int] = []
    for k, (block, start, _, weight) in enumerate(candidates):
        most, link = 0.0, -1
        for i in range(k):
            other, begin, end, _ = candidates[i]
            slack = min(8, (end - begin) // 2)
            if other < block and end - slack <= start and best[i] > most:
                most, link = best[i], i
        best.append(most + weight)
        before.append(link)
    chain: list[tuple] = []
    k = int(np.argmax(best)) if best else -1
    while k >= 0:
        chain.append(candidates[k])
        k = before[k]
    return chain[::-1]


def _add_short(
    labels: np.ndarray,
    page: list[int],
    offsets: np.ndarray,
    body: list[int],
    chain: Sequence[tuple],
) -> None:
    """Blocks too short for grams, where the body has their words between their neighbours."""
    ends = [(-1, 0, 0, 0), *chain, (len(labels), len(body), len(body), 0)]
    for (last, _, stop, _), (following, start, _, _) in itertools.pairwise(ends):
        low, high = max(0, stop - 2), min(len(body), start + 2)
        if high - low > GAP and last >= 0 and following < len(labels):
            continue
        low, high = max(low, start - GAP), min(high, stop + GAP) if last >= 0 else high
        for b in range(last + 1, following):
            block = page[int(offsets[b]) : int(offsets[b + 1])]
            if not 0 < len(block) <= 2 * N:
                continue
            for i in range(low, high - len(block) + 1):
                if body[i : i + len(block)] == block:
                    labels[b] = MAIN
                    low = i + len(block)
                    break


_SPACE = re.compile(r"\s+")


def plain(text: str) -> str:
    """A text for looking phrases up in: white space and code marks evened out."""
    return _SPACE.sub(" ", text.replace("`", "")).strip()


def by_phrases(page: Page, blocks: Sequence[str]) -> np.ndarray:
    """What the phrases say: MAIN or OTHER for blocks that hold one, UNKNOWN for the rest."""
    labels = np.full(len(blocks), UNKNOWN, np.int8)
    texts = [plain(block) for block in blocks]
    for phrases, label in ((page.cut, OTHER), (page.kept, MAIN)):
        for phrase in phrases:
            wanted = plain(phrase)
            for b, text in enumerate(texts):
                if wanted and wanted in text:
                    labels[b] = label
    return labels


def agrees(page: Page, text: str) -> bool:
    """Whether a text keeps every phrase that must be kept, and none that must go."""
    found = plain(text)
    return all(plain(p) in found for p in page.kept) and not any(
        plain(p) in found for p in page.cut
    )


def read_teacher(paths: Iterable[pathlib.Path]) -> Mapping[str, str]:
    """JSONL of `url` and `text`: another extractor's reading of pages, by their address."""
    found: dict[str, str] = {}
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            found.update((row["url"], row["text"]) for row in map(json.loads, lines))
    return found
