"""Examines media in a child process that may die without harm; one per worker process.

`examine` asks the child for the facts and measures of one medium and remembers the answers
of the last few thousand, so that the source that reads a file and the annotator that
measures it a moment later decode it once. An answer depends on the bytes alone.
"""

from __future__ import annotations

import atexit
import collections
import concurrent.futures
import dataclasses
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from castor.filters.errors import CastorError
from castor.filters.media import child
from castor.filters.media.failure import LIMITS, Limits, MediaError
from castor.filters.media.window import Window
from castor.filters.reasons import Reason

START_S = 60.0
# FFmpeg and Pillow keep a little of every file; after so many the child is replaced.
REQUESTS_PER_CHILD = 5000
# Twice the rows of the largest batch that lies between reading and measuring.
REMEMBERED = 4096


@dataclasses.dataclass(frozen=True)
class Found:
    """What the child found in one medium.

    Attributes:
        kind: `image`, `audio` or `video`: what it turned out to be.
        facts: what its header says, as strings for `Record.meta`.
        signals: what was measured, by name of the signal.
        subtitles: tracks of a clip: `language`, `codec`, `cues` (t0_s, t1_s, text).
    """

    kind: str
    facts: Mapping[str, str]
    signals: Mapping[str, Any]
    subtitles: Sequence[Mapping[str, Any]] = ()


class Decoder:
    """One child process: started when first needed, replaced when it dies or hangs.

    Args:
        command: what to start, with the socket's descriptor and our process id appended.
        limits: what one medium may cost.
    """

    def __init__(self, command: Sequence[str] = (), limits: Limits = LIMITS) -> None:
        self.command = [*command] or [sys.executable, "-P", "-m", "castor.filters.media.child"]
        self.limits = limits
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._spawner: concurrent.futures.ThreadPoolExecutor | None = None
        self._errors: Any = None
        self._served = 0
        self._owner = os.getpid()

    @property
    def pid(self) -> int | None:
        """Process id of the child, None while there is none."""
        return self._process.pid if self._process else None

    def request(self, kind: str, window: Window, **options: object) -> dict[str, Any]:
        """What the child's handler of that kind returns for a medium.

        Raises:
            MediaError: the medium could not be read, and why.
            CastorError: the child cannot be started, or lacks a library.
        """
        message = {
            "kind": kind,
            "offset": window.offset,
            "length": window.length,
            "limits": dataclasses.asdict(self.limits),
            **options,
        }
        with self._lock:
            try:
                answer = self._ask(message, window.fd)
            except MediaError as error:
                if error.reason is not Reason.WORKER_DIED:
                    raise
                # Once more in a fresh process: the death may have been another's doing, such
                # as the kernel's out-of-memory killer. A second one is the medium's.
                answer = self._ask(message, window.fd)
        if "missing" in answer:
            raise CastorError(
                "a library that decodes media is missing",
                got=answer["missing"],
                fix="install castor[media]; castor doctor shows what is there",
            )
        if "found" not in answer:
            raise MediaError(Reason(answer["reason"]), str(answer["message"]))
        return answer["found"]

    def close(self) -> None:
        """Ends the child."""
        if self._owner != os.getpid():  # after a fork the child belongs to the other process
            self._process = self._channel = None
            return
        if self._channel:
            self._channel.close()
        if self._process:
            self._process.kill()
            self._process.wait()
        self._process = self._channel = None

    def _ask(self, message: Mapping[str, Any], fd: int) -> dict[str, Any]:
        channel = self._ready()
        self._served += 1
        channel.settimeout(self.limits.wall_s)
        try:
            child.send(channel, message, fd)
            answer, _ = child.receive(channel)
        except TimeoutError:
            self.close()
            raise MediaError(
                Reason.TIMEOUT, f"not decoded within {self.limits.wall_s:g} s"
            ) from None
        except (ConnectionError, BrokenPipeError, ValueError):
            answer = None
        if answer is None:
            raise self._death()
        return answer

    def _death(self) -> MediaError:
        process = self._process
        assert process is not None
        try:
            code = process.wait(5)
        except subprocess.TimeoutExpired:
            code = -signal.SIGKILL
        self.close()
        if code == -signal.SIGXCPU:
            return MediaError(Reason.TIMEOUT, f"over {self.limits.cpu_s} s of processor time")
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return MediaError(Reason.WORKER_DIED, f"the decoder died of {name}")

    def _ready(self) -> socket.socket:
        if self._owner != os.getpid():
            self.__init__(self.command, self.limits)  # type: ignore[misc]
        if self._process and self._process.poll() is not None:
            self.close()  # it died between two requests: nobody's fault
        if self._served >= REQUESTS_PER_CHILD:
            self.close()
        return self._channel or self._start()

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child
        paths = [p for p in sys.path if p]
        env = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            # Threads of a linear algebra library that decodes nothing cost address space.
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
        }
        argv = [*self.command, str(theirs.fileno()), str(os.getpid())]

        def spawn() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                argv,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=env,
            )

        # The child dies with the thread that started it (PR_SET_PDEATHSIG), so that is a
        # thread that lives as long as this process.
        if self._spawner is None:
            self._spawner = concurrent.futures.ThreadPoolExecutor(1, "castor-media")
        with theirs:
            self._process = self._spawner.submit(spawn).result()
        self._channel, self._served = ours, 0
        ours.settimeout(START_S)
        try:
            hello, _ = child.receive(ours)
        except (OSError, ValueError):
            hello = None
        if hello is None:
            self.close()
            self._errors.seek(0)
            last = self._errors.read().decode(errors="replace").strip().splitlines()[-1:]
            raise CastorError(
                "the media decoder does not start", where=argv[0], got=last[0] if last else None
            )
        return ours


_decoder = Decoder()
atexit.register(_decoder.close)
_remembered: collections.OrderedDict[tuple[str, bytes, int], Found | MediaError]
_remembered = collections.OrderedDict()


def shared() -> Decoder:
    """The one decoder of this process."""
    return _decoder


def examine(kind: str, window: Window, digest: bytes, mime: str, reader: str | None) -> Found:
    """Facts and measures of one medium.

    Args:
        kind: `image`, `audio` or `video`: which decoder looks at it.
        window: the bytes.
        digest: their 16-byte BLAKE2b.
        mime, reader: what `magic.sniff` says they are.

    Raises:
        MediaError: it could not be read, with the typed reason.
        CastorError: the decoder cannot be started.
    """
    known = recall(kind, digest, window.length)
    if known is not None:
        return known
    if reader is None:
        raise MediaError(Reason.UNSUPPORTED_FORMAT, f"{mime} has no reader")
    try:
        found = Found(**_decoder.request(kind, window, mime=mime, reader=reader))
    except MediaError as error:
        _remember((kind, digest, window.length), error)
        raise
    if not found.subtitles:  # they can be long, and only the source asks for them
        _remember((found.kind, digest, window.length), found)
    return found


def recall(kind: str, digest: bytes, length: int) -> Found | None:
    """The remembered answer for these bytes, or None if there is none.

    Raises:
        MediaError: the remembered answer is that they could not be read.
    """
    known = _remembered.get((kind, digest, length))
    if isinstance(known, MediaError):
        raise known
    return known


def _remember(key: tuple[str, bytes, int], answer: Found | MediaError) -> None:
    _remembered[key] = answer
    _remembered.move_to_end(key)
    while len(_remembered) > REMEMBERED:
        _remembered.popitem(last=False)
