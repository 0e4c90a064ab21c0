"""Length, loudness, silence and clipping of a sound."""

from __future__ import annotations

from typing import NamedTuple

from castor.filters.annotator import Media, annotator
from castor.filters.record import Modality


class Sound(NamedTuple):
    """One sound; only `decodable` is known of one that does not decode."""

    duration_s: float | None = None  # decoded samples / sampling rate
    sample_rate_hz: int | None = None
    channels: int | None = None
    silence_share: float | None = None  # of the time, in 25 ms frames below -60 dBFS RMS
    clipping_share: float | None = None  # of the samples, in runs of 3 or more at >= 0.999
    peak_dbfs: float | None = None  # highest sample; -120 for digital silence
    rms_dbfs: float | None = None  # over all samples and channels; -120 for digital silence
    truncated: bool | None = None  # it ends before its header says so
    decodable: bool = False  # at least one sample was decoded


@annotator(version=1, reads="media", modalities=[Modality.AUDIO])
def audio(media: Media) -> Sound:
    """Measures one sound by decoding all of it, block by block, in the child process.

    Silence: frames of 25 ms (the window of Whisper's features) whose RMS over all channels is
    below -60 dBFS (what FFmpeg's silencedetect takes for silence). Clipping: samples of at
    least 0.999 of full scale, three or more in a row in one channel, over all samples.
    """
    from castor.filters.media.reference import signals_of

    return Sound(**signals_of(media.ref, "audio", media.roots))
