"""Sounds, in folders and in archives, with their transcripts."""

from __future__ import annotations

from collections.abc import Iterator

from castor.pipelines.source import InputFile, Item, source
from castor.pipelines.sources import _media
from castor.pipelines.sources._sidecars import Kinds

WANTED = _media.Wanted("audio", _media.AUDIO_SUFFIXES, Kinds("transcript", "transcript"))


@source(version=1, files=["*"], options=_media.Options)
def audio(file: InputFile, options: _media.Options) -> Iterator[Item]:
    """One record per sound: WAV, FLAC, MP3, Ogg, Opus, AAC, MP4, AIFF, WMA, Matroska.

    Text is the transcript: timed, from `a.vtt`, `a.srt` or `a.ttml` beside `a.mp3`, else
    from `a.txt`, `a.json` or `transcripts.jsonl` here or in a folder above; timed parts
    carry `t0_s` and `t1_s`. `meta` has mime, codec, sample_rate_hz, channels, duration_s,
    bit_rate, the common tags (title, artist, album ...), speaker, language, and `truncated`
    where the sound ends before its header says so.
    """
    yield from _media.read(file, WANTED, options)
