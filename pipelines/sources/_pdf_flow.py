"""Lines of pages as paragraphs: indents, short lines, gaps, columns, hyphens, footnotes."""

from __future__ import annotations

import collections
import dataclasses
import itertools
import re
import statistics
import unicodedata
from collections.abc import Sequence

HEADING = 1.12  # times the size of the body
NOTE = 0.93  # of it at most
GAP = 1.35  # times the usual distance of lines is a gap between paragraphs
INDENT = (0.7, 6.0)  # em
MAX_HEADING = 160  # characters
_HYPHENS = "-\u00ad\u2010"
_TERMINAL = frozenset(".!?:;…\"'”’»)]。！？」』؟۔׃।")
_BULLET = re.compile(r"[•◦▪‣●■]\s*\S|[–—-]\s+\S|\(?\d{1,2}[.)]\s+\S")
_NOTE_MARK = re.compile(r"(\d{1,3}|[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3}|[*†‡§¶]{1,3})\s?\S")
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_NOTE_REFERENCE = re.compile(r"(?<=[^\s\d⁰¹²³⁴⁵⁶⁷⁸⁹])([⁰¹²³⁴⁵⁶⁷⁸⁹]{1,3})(?![⁰¹²³⁴⁵⁶⁷⁸⁹])")
_WORD = re.compile(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*")
# Forms that only typesetting has: ligatures, shapes of Arabic letters.
_FORMS = re.compile("[\ufb00-\ufb06\ufb13-\ufb17\ufb1d-\ufb4f\ufb50-\ufdff\ufe70-\ufefc]")
_CJK = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")


@dataclasses.dataclass(slots=True)
class Line:
    """A line of a page in points, y downwards; `block` changes with columns."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    size: float
    block: int


@dataclasses.dataclass
class Paragraph:
    """Text of one paragraph; `first` and `last` are (page, line) of those lines."""

    text: str
    size: float
    heading: bool
    note: bool
    first: tuple[int, int]
    last: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class _Frame:
    """The edges of a column and the usual distance of its lines."""

    left: float
    right: float
    leading: float


class Flow:
    """The paragraphs of a document.

    Args:
        pages: lines of each page in reading order.
        rtl: whether lines begin at the right.
    """

    def __init__(self, pages: Sequence[Sequence[Line]], *, rtl: bool) -> None:
        self.pages = [[_mirrored(line) for line in p] if rtl else list(p) for p in pages]
        for line in (line for page in self.pages for line in page):
            line.text = _FORMS.sub(lambda m: unicodedata.normalize("NFKC", m[0]), line.text)
        sizes = collections.Counter[float]()
        for line in (line for page in self.pages for line in page):
            sizes[round(2 * line.size) / 2] += len(line.text)
        self.body = max(sorted(sizes), key=sizes.__getitem__, default=0.0)
        self._words = self._lexicon()

    def paragraphs(self) -> list[Paragraph]:
        """All of them in order; the notes of a page follow the paragraph that ends there."""
        found: list[Paragraph] = []
        waiting: list[Paragraph] = []
        now: Paragraph | None = None
        before: tuple[Line, _Frame, int] | None = None
        for number, page in enumerate(self.pages):
            frames = _frames(page)
            notes = self._notes(page)
            marks = {_mark(page[i].text) for i in notes}
            for i, line in enumerate(page):
                if i in notes:
                    self._add_note(waiting, line, (number, i), i - 1 in notes)
                    continue
                text = _without_marks(line.text, marks) if marks else line.text
                frame = frames[line.block]
                how = self._joint(before, line, frame, number)
                if now is None or how == "new":
                    if now is not None:
                        found += [now, *waiting]
                        waiting = []
                    heading = line.size > HEADING * self.body and len(text) <= MAX_HEADING
                    place = (number, i)
                    now = Paragraph(text, line.size, heading, False, place, place)
                else:
                    now.text = self._join(now.text, text, how)
                    now.last = (number, i)
                    now.heading &= len(now.text) <= MAX_HEADING
                before = line, frame, number
        return [*found, *([now] if now else []), *waiting]

    def _joint(
        self, before: tuple[Line, _Frame, int] | None, line: Line, frame: _Frame, page: int
    ) -> str:
        """How a line goes on from the one before: `new` paragraph, `break` of line, `flow`."""
        if before is None:
            return "new"
        last, edges, last_page = before
        if abs(line.size - last.size) > 0.12 * max(line.size, last.size):
            return "new"
        room = edges.right - last.x1
        first = len(line.text.split(" ", 1)[0]) / max(1, len(line.text)) * (line.x1 - line.x0)
        short = room > first + 0.6 * line.size
        ends = last.text.rstrip()[-1:] in _TERMINAL
        if _BULLET.match(line.text) and (short or ends):
            return "new"
        indent = (line.x0 - frame.left) / max(1e-3, line.size)
        indented = INDENT[0] < indent < INDENT[1]
        if page == last_page and line.block == last.block:
            if not -0.5 * line.size < line.y0 - last.y0 < max(GAP * frame.leading, line.size):
                return "new"
            if indented and last.x0 - frame.left < 0.5 * indent * line.size:
                return "new"
            return ("new" if ends else "break") if short else "flow"
        if short and ends:
            return "new"
        if indented and (ends or line.text[:1].isupper()):
            return "new"
        if last.text[-1:] in _HYPHENS or line.text[:1].islower() or not ends:
            return "flow" if not short else "break"
        return "flow"

    def _add_note(
        self, waiting: list[Paragraph], line: Line, place: tuple[int, int], goes_on: bool
    ) -> None:
        if goes_on and waiting and not _NOTE_MARK.match(line.text):
            waiting[-1].text = self._join(waiting[-1].text, line.text, "flow")
        else:
            waiting.append(Paragraph(line.text, line.size, False, True, place, place))

    def _notes(self, page: Sequence[Line]) -> set[int]:
        """The lines of footnotes: small ones at the foot of a column, with a mark in front."""
        found: set[int] = set()
        for block in {line.block for line in page}:
            rows = [i for i, line in enumerate(page) if line.block == block]
            small: list[int] = []
            for i in reversed(rows):
                if page[i].size > NOTE * self.body:
                    break
                small.insert(0, i)
            while small and not _NOTE_MARK.match(page[small[0]].text):
                small.pop(0)
            if len(small) < len(rows):
                found.update(small)
        return found

    # --- words cut in two --------------------------------------------------------------------

    def _lexicon(self) -> collections.Counter[str]:
        """How often each word stands whole inside a line."""
        words = collections.Counter[str]()
        for line in (line for page in self.pages for line in page):
            found = _WORD.findall(line.text)
            if found and line.text.rstrip()[-1:] in _HYPHENS:
                found.pop()
            words.update(w.casefold() for w in found)
        return words

    def _join(self, before: str, after: str, how: str) -> str:
        if how == "break":
            return f"{before}\n{after}"
        before, after = before.rstrip(" "), after.lstrip(" ")
        head, mark = before[:-1], before[-1:]
        if mark == "\u00ad":
            return head + after
        if mark in _HYPHENS and mark and head[-1:].isalpha() and after[:1].isalpha():
            return head + after if self._was_cut(head, mark, after) else before + after
        if _CJK.match(before[-1:]) and _CJK.match(after[:1]):
            return before + after
        return f"{before} {after}"

    def _was_cut(self, head: str, mark: str, after: str) -> bool:
        """Whether the hyphen is there for the end of the line only."""
        if not after[0].islower():
            return False
        left = re.split(r"[^\w-]", head)[-1].casefold()
        right = re.match(r"[\w-]*", after)[0].casefold()  # type: ignore[index]
        right = right.rstrip("-")
        whole, hyphened = self._words[left + right], self._words[f"{left}-{right}"]
        return whole >= hyphened


def _frames(page: Sequence[Line]) -> dict[int, _Frame]:
    found = {}
    for block in {line.block for line in page}:
        lines = [line for line in page if line.block == block]
        starts = collections.Counter(round(line.x0) for line in lines)
        # The left edge: the leftmost start that is not a single line's.
        often = [x for x, n in starts.items() if n > 1] or [min(starts)]
        steps = [b.y0 - a.y0 for a, b in itertools.pairwise(lines) if b.y0 > a.y0]
        leading = statistics.median_low(steps) if steps else 1.3 * lines[0].size
        right = max(line.x1 for line in lines)
        found[block] = _Frame(min(often), right, min(leading, 2.5 * lines[0].size))
    return found


def _mirrored(line: Line) -> Line:
    return dataclasses.replace(line, x0=-line.x1, x1=-line.x0)


def _mark(text: str) -> str:
    found = _NOTE_MARK.match(text)
    return found[1].translate(_SUPERSCRIPT) if found else ""


def _without_marks(text: str, marks: set[str]) -> str:
    """The line without the references to the notes of its page."""
    return _NOTE_REFERENCE.sub(
        lambda m: "" if m[1].translate(_SUPERSCRIPT) in marks else m[0], text
    )
