"""Clips, in folders and in archives, with their subtitles."""

from __future__ import annotations

from collections.abc import Iterator

from castor.pipelines.source import InputFile, Item, source
from castor.pipelines.sources import _media
from castor.pipelines.sources._sidecars import Kinds

WANTED = _media.Wanted("video", _media.VIDEO_SUFFIXES, Kinds("subtitle", "caption"))


@source(version=1, files=["*"], options=_media.Options)
def video(file: InputFile, options: _media.Options) -> Iterator[Item]:
    """One record per clip: MP4, QuickTime, Matroska, WebM, AVI, MPEG-TS, Ogg, ASF.

    Text is the subtitles, from `a.vtt`, `a.srt`, `a.ttml` beside `a.mp4` and from text
    tracks inside the file, with `t0_s` and `t1_s` in parts, and captions from `a.txt`,
    `a.json` or a table. `meta` has mime, codec, audio_codec, width, height, frames,
    duration_s (by timestamps), bit_rate, tags, and `truncated` where the file ends early.
    A container that holds sound only becomes a record of modality audio.
    """
    yield from _media.read(file, WANTED, options)
