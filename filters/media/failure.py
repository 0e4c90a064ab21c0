"""The error of one medium, and the limits under which a medium is decoded."""

from __future__ import annotations

import dataclasses

from castor.filters.errors import CastorError
from castor.filters.reasons import Reason


class MediaError(CastorError):
    """One picture, sound or clip could not be read; `reason` says why."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    @property
    def of_content(self) -> bool:
        """Whether the bytes are at fault, not the place where they should lie."""
        return self.reason not in (Reason.UNREADABLE, Reason.UNSAFE)

    def __str__(self) -> str:
        return f"{self.reason}: {self.what}"

    def __reduce__(self) -> tuple[object, ...]:
        """Pickles by parts, so that the error crosses from a worker to the driver whole."""
        return MediaError, (self.reason, self.what)


@dataclasses.dataclass(frozen=True)
class Limits:
    """What decoding one medium may cost; beyond it the medium has a typed reason.

    Attributes:
        wall_s: seconds until the decoder is killed (`timeout`).
        cpu_s: seconds of processor time until it is killed (`timeout`).
        memory_bytes: address space of the decoder. NumPy and FFmpeg map 0.2 GB of it, a
            picture at the limit takes 0.5 GB (RGBA, and once more while it is decoded), and
            libwebp reserves 1 GB for a picture of 119 MP before Pillow sees its size
            (measured: VmPeak 0.98 GB, of which 43 MB were ever resident).
        picture_pixels: pixels of one picture, checked in its header. 64 MP are 256 MB as
            RGBA; Pillow itself only warns from 89 MP on and refuses from 179 MP.
        frame_pixels: pixels of one frame of a clip; 8K video (7680 x 4320) has 33 MP.
        samples: audio samples over all channels: 6 hours of 48 kHz stereo.
        packets: packets of all streams: 6 hours of 60 frames/s with sound.
        streams: streams of a container.
    """

    wall_s: float = 60.0
    cpu_s: int = 60
    memory_bytes: int = 1536 << 20
    picture_pixels: int = 64_000_000
    frame_pixels: int = 36_000_000
    samples: int = 2_100_000_000
    packets: int = 3_000_000
    streams: int = 32


LIMITS = Limits()
