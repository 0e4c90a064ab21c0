"""Raw video: clips encoded here in several codecs, with sound and subtitles, and broken ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from castor.pipelines.demo import encode, paint, sounds, synth
from castor.pipelines.demo.ledger import MADE, Ledger

if TYPE_CHECKING:
    import numpy as np

_FPS = 12
# (suffix, libav's name of the container, codecs of picture and sound)
_FORMS = (
    ("mp4", "mp4", ("libx264", "aac")),
    ("webm", "webm", ("libvpx-vp9", "libopus")),
    ("avi", "avi", ("mpeg4", "mp2")),
    ("mkv", "matroska", ("mpeg4", "aac")),
)


def write(ledger: Ledger, budget: int) -> None:
    """Writes clips of about `budget` bytes; no package ships any, so all are made."""
    ledger.note("video: packages ship no clips; all are made")
    total = 0
    good = b""
    for number in range(12):
        suffix, form, codecs = _FORMS[number % len(_FORMS)]
        seconds = 2 + number % 3
        data = _clip(number, seconds, form, codecs, silent=number == 3)
        if data is None:
            ledger.note(f"video: libav here has no {codecs[0]} or {codecs[1]}; a clip less")
            continue
        total += len(data)
        if total > budget and number >= 4:
            break
        good = good or data
        name = f"made-clip-{number:02d}.{suffix}"
        _put(ledger, name, data)
        ledger.plant("video", name, "", "kept", f"a made clip, {codecs[0]}")
        if number != 3:
            text = sounds.subtitles(f"video {number}", seconds, "vtt")
            ledger.write(f"video/made-clip-{number:02d}.vtt", text.encode())
            if number == 0:  # the copy comes with its subtitles
                ledger.write("video/made-clip-copy.vtt", text.encode())
    _bad(ledger, good)


def _clip(
    number: int, seconds: int, form: str, codecs: tuple[str, str], *, silent: bool
) -> bytes | None:
    """None when libav was built without one of the codecs."""
    import av

    # 48 kHz because Opus takes nothing between that and 24.
    samples = None if silent else _at_48k(synth.chords(2000 + number, seconds))
    try:
        return encode.clip(
            _frames(number, seconds * _FPS),
            samples,
            form=form,
            codecs=codecs,
            fps=_FPS,
            rate_hz=48_000,
        )
    except av.codec.codec.UnknownCodecError:
        return None


def _at_48k(samples: np.ndarray) -> np.ndarray:
    import numpy as np

    n = len(samples)
    positions = np.arange(n * 3, dtype=np.float32) / 3
    return np.interp(positions, np.arange(n), samples).astype(np.float32)


def _frames(number: int, n: int) -> Iterator[np.ndarray]:
    """A window that glides over one large picture."""
    width, height = (320, 240) if number % 2 == 0 else (256, 192)
    kind = paint.KINDS[number % len(paint.KINDS)]
    whole = paint.picture(kind, 3000 + number, width + 160, height + 80)
    for i in range(n):
        x, y = i * 160 // n, i * 80 // n
        yield whole[y : y + height, x : x + width].copy()


def _put(ledger: Ledger, name: str, data: bytes) -> None:
    ledger.write(f"video/{name}", data)
    ledger.count("video", MADE, len(data))


def _bad(ledger: Ledger, good: bytes) -> None:
    for name, data, outcome, reason, why in (
        ("made-clip-copy.mp4", good, "duplicate", None, "the same bytes again"),
        ("made-cut.mp4", good[: len(good) // 2], "rejected", "truncated", "a clip cut in half"),
        ("made-garbage.mkv", bytes(range(256)) * 8, "rejected", "corrupt", "no clip at all"),
        ("made-empty.mp4", b"", "rejected", "empty", "an empty file"),
    ):
        _put(ledger, name, data)
        of = "made-clip-00.mp4" if outcome == "duplicate" else None
        ledger.plant("video", name, "", outcome, why, of=of, reason=reason)
