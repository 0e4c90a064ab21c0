"""Soft inputs: the numbers of a picture, sound or clip that a model's projector reads.

| kind  | one row | values |
| --- | --- | --- |
| image | a patch of 16 x 16 pixels, RGB | x / 127.5 - 1, so -1 to 1 |
| video | a patch of one of a few frames, frame by frame | as image |
| audio | 40 ms: four frames of 80 log-mel energies | Whisper's scale, about -1 to 2 |

Decoding happens in the decoder's child, under the same limits and with the same typed reasons as
`decoder.examine`. The same bytes and options give the same rows on every run.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping

import numpy as np

from castor.filters.errors import ConfigError
from castor.filters.media import decoder
from castor.filters.media.failure import MediaError
from castor.filters.media.magic import sniff
from castor.filters.media.reference import HEAD_BYTES, open_checked
from castor.filters.media.window import Window
from castor.filters.reasons import Reason
from castor.filters.record import MediaRef

# Columns of a row: 16 x 16 pixels x 3 channels; 4 frames x 80 mel bands.
SOFT_DIMS: Mapping[str, int] = {"image": 768, "video": 768, "audio": 320}
# The rows of one medium cross a socket as one message of at most 64 MiB (child.py).
MAX_ROWS = 16_384


@dataclasses.dataclass(frozen=True)
class SoftOptions:
    """How many rows a medium may have.

    Attributes:
        image_patches: patches of a picture; it is scaled down until it has no more.
        video_frames: frames of a clip, at the centres of as many equal stretches of time.
        frame_patches: patches of each of them.
        audio_rows: rows of a sound, 25 per second; what comes after them is cut off.

    Raises:
        ConfigError: a number is below 1, or gives more than MAX_ROWS rows.
    """

    image_patches: int = 64
    video_frames: int = 4
    frame_patches: int = 16
    audio_rows: int = 250

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            n = getattr(self, field.name)
            if not 1 <= n <= MAX_ROWS:
                raise ConfigError(
                    "a number of soft inputs that cannot be",
                    where=field.name,
                    got=n,
                    fix=f"give 1 to {MAX_ROWS}",
                )
        if self.video_frames * self.frame_patches > MAX_ROWS:
            raise ConfigError(
                "too many soft inputs for a clip",
                where="video_frames x frame_patches",
                got=self.video_frames * self.frame_patches,
                fix=f"give at most {MAX_ROWS} together",
            )


DEFAULTS = SoftOptions()


@dataclasses.dataclass(frozen=True)
class Soft:
    """The soft inputs of one medium.

    Attributes:
        kind: `image`, `audio` or `video`: what was asked for.
        rows: float16 [n, SOFT_DIMS[kind]], n > 0.
        facts: what they are of, as strings. A picture: `grid` (rows x columns of patches), `icc`
            (`converted` or `ignored`, where it has a colour profile), `truncated`. A clip:
            `grid` of a frame, `frames`, `times_s` (seconds from its first frame). A sound:
            `seconds` that the rows hold, `seconds_cut` where there is more.
    """

    kind: str
    rows: np.ndarray
    facts: Mapping[str, str]


def soft(
    kind: str,
    window: Window,
    mime: str,
    reader: str | None,
    options: SoftOptions = DEFAULTS,
) -> Soft:
    """The soft inputs of one medium.

    Args:
        kind: `image`, `audio` or `video`: which decoder looks at it.
        window: its bytes.
        mime, reader: what `magic.sniff` says they are.
        options: how many rows.

    Raises:
        MediaError: it could not be decoded, with the typed reason.
        CastorError: the decoder cannot be started.
    """
    if reader is None:
        raise MediaError(Reason.UNSUPPORTED_FORMAT, f"{mime} has no reader")
    found = decoder.shared().request(
        f"{kind}.soft", window, mime=mime, reader=reader, **dataclasses.asdict(options)
    )
    data = np.frombuffer(base64.b64decode(found["rows"]), "<f2")
    return Soft(kind, data.reshape(-1, SOFT_DIMS[kind]), found["facts"])


def soft_of(
    ref: MediaRef, kind: str, roots: Mapping[str, str], options: SoftOptions = DEFAULTS
) -> Soft:
    """The soft inputs of a medium where it lies.

    Args:
        ref: where its bytes are.
        kind: `image`, `audio` or `video`.
        roots: absolute folder of each input root by name.
        options: how many rows.

    Raises:
        MediaError: its bytes are not there, are others than those referred to, or do not decode.
        CastorError: the decoder cannot be started.
    """
    with open_checked(ref, roots) as window:
        found = sniff(window.at(0, HEAD_BYTES), window.at)
        if found is None:
            raise MediaError(Reason.CORRUPT, "begins with the bytes of no known format")
        return soft(kind, window, found.mime, found.reader, options)
