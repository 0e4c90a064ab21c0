"""Timed text: SubRip, WebVTT and TTML, read into cues."""

from __future__ import annotations

import html
import math
import re
import xml.etree.ElementTree as ET
from typing import NamedTuple

SUFFIXES = (".vtt", ".srt", ".ttml")
_CLOCK = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMES = re.compile(rf"^\s*{_CLOCK}\s*-->\s*{_CLOCK}")
# <i>, <c.class>, <v Name>, <00:01.000>, and the {\an8} of SubRip files from other formats.
_MARKUP = re.compile(r"</?[a-zA-Z0-9.:][^<>]{0,200}>|\{\\[^{}]{0,200}\}")
_TTML_CLOCK = re.compile(r"(\d+):(\d{2}):(\d{2})(?:\.(\d+)|:(\d+))?")
_TTML_OFFSET = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|s|f|t)")


class Cue(NamedTuple):
    """One line of timed text: start and end in seconds, and what is said."""

    t0_s: float
    t1_s: float
    text: str


def parse(text: str, suffix: str) -> list[Cue]:
    """The cues of a file in their order; cues without text are left out.

    Args:
        text: the whole file.
        suffix: one of SUFFIXES.

    Raises:
        ValueError: it is not such a file, or holds no cue.
    """
    cues = _ttml(text) if suffix == ".ttml" else _blocks(text)
    cues = [cue for cue in cues if cue.text]
    if not cues:
        raise ValueError(f"no cue in it, so it is no {suffix[1:]} file")
    return cues


def clean(text: str) -> str:
    """The words of a cue: markup and entities resolved, white space normalised per line."""
    text = html.unescape(_MARKUP.sub("", text)).replace("\0", "")
    lines = (" ".join(line.split()) for line in text.splitlines())
    return "\n".join(line for line in lines if line)


def _blocks(text: str) -> list[Cue]:
    """SubRip and WebVTT: below each line of times the text goes on to an empty line."""
    cues: list[Cue] = []
    times: tuple[float, float] | None = None
    held: list[str] = []
    for line in [*text.lstrip("\ufeff").splitlines(), ""]:
        found = _TIMES.match(line)
        if found or not line.strip():
            if times is not None:
                cues.append(Cue(*times, clean("\n".join(held))))
            times, held = (
                (_clock(found.groups()[:4]), _clock(found.groups()[4:])) if found else None,
                [],
            )
        elif times is not None:
            held.append(line)
    return cues


def _clock(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, fraction = parts
    whole = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return round(whole + int((fraction or "").ljust(3, "0")) / 1000, 3)


def _ttml(text: str) -> list[Cue]:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("a TTML file with a document type: its entities are not resolved")
    try:
        root = ET.fromstring(text.encode("utf-8", "replace"))
    except ET.ParseError as error:
        raise ValueError(f"not well-formed XML: {error}") from error
    rates = {k.rpartition("}")[2]: v for k, v in root.attrib.items()}
    frame_rate = _number(rates.get("frameRate"), 30.0)
    tick_rate = _number(rates.get("tickRate"), 1.0)
    cues = []
    for element in root.iter():
        if element.tag.rpartition("}")[2] != "p" or "begin" not in element.attrib:
            continue
        t0_s = _ttml_time(element.attrib["begin"], frame_rate, tick_rate)
        if "end" in element.attrib:
            t1_s = _ttml_time(element.attrib["end"], frame_rate, tick_rate)
        else:
            t1_s = t0_s + _ttml_time(element.attrib.get("dur", "0s"), frame_rate, tick_rate)
        cues.append(Cue(t0_s, round(t1_s, 3), clean(_inner_text(element))))
    return cues


def _number(value: str | None, default: float) -> float:
    if value is None:
        return default
    number = float(value)
    if not 0 < number < math.inf:
        raise ValueError(f"a rate of {value}")
    return number


def _inner_text(element: ET.Element) -> str:
    parts = [element.text or ""]
    for child in element:
        is_break = child.tag.rpartition("}")[2] == "br"
        parts.append("\n" if is_break else " ".join(child.itertext()))
        parts.append(child.tail or "")
    # Line breaks of the file are white space; those of <br/> are kept by clean().
    return "".join(part if part == "\n" else " ".join(part.split("\n")) for part in parts)


def _ttml_time(value: str, frame_rate: float, tick_rate: float) -> float:
    found = _TTML_CLOCK.fullmatch(value.strip())
    if found:
        hours, minutes, seconds, fraction, frames = found.groups()
        whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
        return round(whole + float(f"0.{fraction or 0}") + int(frames or 0) / frame_rate, 3)
    found = _TTML_OFFSET.fullmatch(value.strip())
    if not found:
        raise ValueError(f"the time {value!r:.40}")
    number, unit = found.groups()
    scale = {"h": 3600, "m": 60, "s": 1, "ms": 0.001, "f": 1 / frame_rate, "t": 1 / tick_rate}
    return round(float(number) * scale[unit], 3)
