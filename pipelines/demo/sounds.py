"""Raw sound: what packages ship, what is synthesised here, and files that are silent or break."""

from __future__ import annotations

import io
import json
import random
from typing import TYPE_CHECKING

from castor.pipelines.demo import encode, machine, prose, synth
from castor.pipelines.demo.ledger import FOUND, MADE, Ledger

if TYPE_CHECKING:
    import numpy as np

_SUFFIXES = frozenset((".wav", ".flac", ".ogg", ".mp3", ".au", ".aif", ".aiff"))
_FORMS = ("flac", "wav", "ogg")
_CUT = ("kept", "dropped", "rejected")  # half a sound is a sound: a policy may say otherwise


def write(ledger: Ledger, budget: int) -> None:
    """Writes sounds of about `budget` bytes, transcripts.jsonl and timed text beside them."""
    if not _found(ledger, budget // 4):
        ledger.note("audio: no sounds found on this machine; all are made")
    _synthesised(ledger, budget)
    _bad(ledger)


def _found(ledger: Ledger, budget: int) -> int:
    library, packages = machine.standard_library(), machine.packages_folder()
    folders = (library / "test", packages / "scipy" / "io", packages / "librosa")
    total = n = 0
    for folder in folders:
        for path in machine.files(folder, _SUFFIXES, limit=60):
            size = path.stat().st_size
            if total + size <= budget:
                total, n = total + size, n + 1
                name = f"found/{folder.parent.name}-{path.parent.name}-{path.name}"
                ledger.write(f"audio/{name}", path.read_bytes())
                ledger.count("audio", FOUND, size)
    return n


def _synthesised(ledger: Ledger, budget: int) -> None:
    makers = (("chords", synth.chords), ("murmur", synth.murmur), ("rain", synth.rain))
    transcripts, total = [], 0
    for seed in range(36):
        kind, make = makers[seed % 3]
        form = _FORMS[seed // 3 % 3]
        samples = make(seed, 3.0 + seed % 4)
        data = encoded(samples, form)
        total += len(data)
        if total > budget // 2 and seed >= 9:
            break
        name = f"made-{kind}-{seed:02d}.{form}"
        _put(ledger, name, data)
        ledger.plant("audio", name, "", "kept", "a made sound")
        if kind == "murmur":
            _timed_text(ledger, name, seed, len(samples) / synth.RATE_HZ)
            text = prose.sentence(random.Random(f"castor demo transcript {seed}"))
            transcripts.append({"file": name, "lang": "en", "text": text})
    lines = "".join(json.dumps(t) + "\n" for t in transcripts)
    ledger.write("audio/transcripts.jsonl", lines.encode())


def _timed_text(ledger: Ledger, name: str, seed: int, seconds: float) -> None:
    form = "srt" if seed % 2 else "vtt"
    text = subtitles(f"audio {seed}", seconds, form)
    ledger.write(f"audio/{name.rpartition('.')[0]}.{form}", text.encode())


def subtitles(seed: str, seconds: float, form: str) -> str:
    """Made subtitles as SRT or WebVTT: a sentence every two seconds."""
    rng = random.Random(f"castor demo subtitles {seed}")
    cues = []
    for i in range(max(1, int(seconds // 2))):
        start, end = _clock(2.0 * i, form), _clock(min(seconds, 2.0 * i + 1.8), form)
        number = f"{i + 1}\n" if form == "srt" else ""
        cues.append(f"{number}{start} --> {end}\n{prose.sentence(rng)}\n")
    return ("WEBVTT\n\n" if form == "vtt" else "") + "\n".join(cues)


def _clock(seconds: float, form: str) -> str:
    whole, millis = divmod(round(seconds * 1000), 1000)
    mark = "," if form == "srt" else "."
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{mark}{millis:03d}"


def encoded(samples: np.ndarray, form: str) -> bytes:
    """The mono samples as a WAV, FLAC or Ogg file at RATE_HZ."""
    if form == "ogg":
        # libsndfile numbers Ogg streams at random; libav can be told not to.
        return encode.ogg(samples, synth.RATE_HZ)
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, samples, synth.RATE_HZ, format=form.upper(), subtype="PCM_16")
    return out.getvalue()


def _put(ledger: Ledger, name: str, data: bytes) -> None:
    ledger.write(f"audio/{name}", data)
    ledger.count("audio", MADE, len(data))


def _bad(ledger: Ledger) -> None:
    import numpy as np

    good = synth.chords(1000, 4.0)
    flac = encoded(good, "flac")
    silence = encoded(np.zeros(64_000, np.float32), "wav")
    loud = encoded(np.clip(good * 40, -1, 1), "wav")
    for name, data, outcome, reason, why in (
        ("made-tune.flac", flac, "kept", None, "a made sound"),
        ("made-tune2.flac", flac, "duplicate", None, "the same bytes again"),
        ("made-silence.wav", silence, "dropped", "audio.silent", "silence"),
        ("made-clipped.wav", loud, "dropped", "audio.clipped", "clipped"),
        ("made-blip.wav", encoded(good[:800], "wav"), "dropped", "audio.too_short", "50 ms"),
        ("made-cut.flac", flac[: len(flac) // 2], _CUT, None, "a sound cut in half"),
        ("made-garbage.ogg", bytes(range(256)) * 8, "rejected", "corrupt", "no sound at all"),
        ("made-empty.wav", b"", "rejected", "empty", "an empty file"),
    ):
        _put(ledger, name, data)
        of = "made-tune.flac" if outcome == "duplicate" else None
        ledger.plant("audio", name, "", outcome, why, of=of, reason=reason)
