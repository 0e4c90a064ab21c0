"""The process in which native decoders run: it may crash, hang or be killed at any time.

    python -m castor.filters.media.child SOCKET_FD PARENT_PID

One request at a time comes over the socket: four bytes of length, a JSON object, and with
it the descriptor of the file that holds the medium. The answer has the same shape without
a descriptor. Nothing is pickled and no path is ever opened: what is not in that descriptor
does not exist for the decoders. Pillow, NumPy and FFmpeg are imported by the first request
that needs them.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any

from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.window import Window
from castor.filters.reasons import Reason

Handler = Callable[[Window, Mapping[str, Any], Limits], dict[str, Any]]
MAX_MESSAGE_BYTES = 64 << 20
PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38


# What may be asked, and which function of which module of this folder answers.
HANDLERS = {
    "image": ("image", "examine"),
    "audio": ("audio", "examine"),
    "video": ("video", "examine"),
    "image.soft": ("patches", "soft"),
    "audio.soft": ("hearing", "soft"),
    "video.soft": ("frames", "soft"),
    "pdf": ("pdf", "read"),
}


def handler_of(kind: str) -> Handler:
    """The function that answers requests of a kind."""
    if kind not in HANDLERS:
        raise ValueError(f"no decoder for {kind!r}")
    module, function = HANDLERS[kind]
    name = f"castor.filters.media.{module}"
    if name not in sys.modules:
        importlib.import_module(name)
        gc.freeze()
    return getattr(sys.modules[name], function)


def serve(channel: socket.socket, find: Callable[[str], Handler] = handler_of) -> None:
    """Answers requests until the other end closes the socket."""
    while True:
        message, fds = receive(channel)
        if message is None:
            return
        limits = Limits(**message["limits"])
        _arm(limits)
        answer: dict[str, Any]
        try:
            with Window(fds[0], message["offset"], message["length"], owned=True) as window:
                answer = {"found": find(message["kind"])(window, message, limits)}
        except MediaError as error:
            answer = {"reason": str(error.reason), "message": error.what}
        except MemoryError:
            mb = limits.memory_bytes >> 20
            answer = {"reason": str(Reason.BOMB), "message": f"needs more than {mb} MB to decode"}
        except ImportError as error:
            answer = {"missing": str(error)}
        # The decoders raise whatever a broken file leads them to, and this is the place
        # that turns it into the reason of that one file.
        except Exception as error:  # noqa: BLE001
            message_ = f"{type(error).__name__}: {error}"[:300]
            answer = {"reason": str(Reason.NOT_DECODABLE), "message": message_}
        signal.setitimer(signal.ITIMER_REAL, 0)
        send(channel, answer)
        # Frees what FFmpeg still holds of a broken container. What was there before is frozen:
        # going through NumPy and Pillow each time would cost 20 ms, more than most media.
        gc.collect()


def send(channel: socket.socket, message: Mapping[str, Any], fd: int | None = None) -> None:
    """Writes one message, with a descriptor where one is given."""
    data = json.dumps(message).encode()
    head = len(data).to_bytes(4, "big")
    if fd is None:
        channel.sendall(head + data)
    else:
        socket.send_fds(channel, [head], [fd])
        channel.sendall(data)


def receive(channel: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message and the descriptors that came with it; (None, []) at the end.

    Raises:
        ConnectionError: the other end closed inside a message, or sent an impossible one.
    """
    head, fds, _, _ = socket.recv_fds(channel, 4, 1)
    if not head:
        return None, []
    head += _exactly(channel, 4 - len(head))
    length = int.from_bytes(head, "big")
    if length > MAX_MESSAGE_BYTES:
        raise ConnectionError(f"a message of {length} bytes")
    message = json.loads(_exactly(channel, length))
    if not isinstance(message, dict):
        raise ConnectionError(f"a message that is no object: {message!r:.80}")
    return message, fds


def _exactly(channel: socket.socket, n_bytes: int) -> bytes:
    parts = []
    while n_bytes:
        part = channel.recv(min(n_bytes, 1 << 20))
        if not part:
            raise ConnectionError("the other end closed inside a message")
        parts.append(part)
        n_bytes -= len(part)
    return b"".join(parts)


def _arm(limits: Limits) -> None:
    """Sets the limits of one request; the parent enforces the wall clock too.

    The alarm is for a child whose parent is gone or stopped: its default action ends the
    process even when native code holds the interpreter.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = int(used.ru_utime + used.ru_stime) + 1 + limits.cpu_s
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, hard))
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, hard))
    signal.setitimer(signal.ITIMER_REAL, limits.wall_s + 5)


def confine(parent_pid: int) -> None:
    """Ties the process to its parent's life and takes away what a decoder never needs."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before the signal was asked for
        sys.exit(0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
    for name in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C is the parent's to handle
        signal.signal(name, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def main(find: Callable[[str], Handler] = handler_of) -> None:
    """The process: `argv` holds the socket's descriptor and the parent's process id."""
    confine(int(sys.argv[2]))
    with socket.socket(fileno=int(sys.argv[1])) as channel:
        send(channel, {"ready": os.getpid()})
        try:
            serve(channel, find)
        except (ConnectionError, BrokenPipeError):
            return  # the parent is gone


if __name__ == "__main__":
    main()
