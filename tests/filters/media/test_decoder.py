"""The child process: what kills it costs one medium, never the one who asked."""

import os
import pathlib
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from castor.filters.errors import CastorError
from castor.filters.media import decoder as decoders
from castor.filters.media.decoder import Decoder
from castor.filters.media.failure import Limits, MediaError
from castor.filters.media.window import Window
from castor.filters.reasons import Reason

CHILD = """
import os, sys, time
from castor.filters.media import child

def find(kind):
    def handler(window, request, limits):
        if kind == "hang":
            if "mark" in request:
                open(request["mark"], "w").close()
            time.sleep(60)
        if kind == "spin":
            while True: pass
        if kind == "die":
            os.kill(os.getpid(), 11)
        if kind == "die once" and not os.path.exists(request["mark"]):
            open(request["mark"], "w").close()
            os.kill(os.getpid(), 9)
        if kind == "eat":
            bytearray(limits.memory_bytes * 2)
        if kind == "raise":
            raise KeyError("a broken file")
        if kind == "import":
            import no_such_library
        return {"pid": os.getpid(), "data": window.at(0, 100).decode()}
    return handler

child.main(find)
"""
LIMITS = Limits(wall_s=20, cpu_s=1, memory_bytes=512 << 20)


@pytest.fixture
def decoder(tmp_path):
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    made = Decoder([sys.executable, str(script)], LIMITS)
    yield made
    made.close()


def ask(decoder, kind, **options):
    with Window.of_bytes(b"bytes of a medium") as window:
        return decoder.request(kind, window, **options)


def reason(decoder, kind):
    with pytest.raises(MediaError) as caught:
        ask(decoder, kind)
    return caught.value.reason


def test_it_answers_and_stays_warm(decoder):
    first, second = ask(decoder, "any"), ask(decoder, "any")
    assert first["data"] == "bytes of a medium"
    assert first["pid"] == second["pid"] == decoder.pid != os.getpid()


def test_a_hang_is_a_timeout_and_the_next_request_has_a_new_child(decoder):
    pid = ask(decoder, "any")["pid"]
    decoder.limits = Limits(wall_s=0.3)
    began = time.monotonic()
    assert reason(decoder, "hang") is Reason.TIMEOUT
    assert time.monotonic() - began < 5
    assert ask(decoder, "any")["pid"] != pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_too_much_processor_time_is_a_timeout(decoder):
    decoder.limits = Limits(wall_s=20, cpu_s=0)
    with pytest.raises(MediaError, match="processor time") as caught:
        ask(decoder, "spin")
    assert caught.value.reason is Reason.TIMEOUT


def test_a_crash_is_worker_died_and_names_the_signal(decoder):
    with pytest.raises(MediaError, match="SIGSEGV") as caught:
        ask(decoder, "die")
    assert caught.value.reason is Reason.WORKER_DIED
    assert ask(decoder, "any")["data"]


def test_a_child_killed_by_somebody_else_is_asked_again(decoder, tmp_path):
    assert ask(decoder, "die once", mark=str(tmp_path / "mark"))["data"]
    assert (tmp_path / "mark").exists()


def test_a_child_killed_in_the_middle_of_both_tries_is_worker_died(decoder, tmp_path):
    mark = tmp_path / "mark"
    killed = []

    def kill():
        for _ in range(2):
            while not mark.exists():
                time.sleep(0.01)
            mark.unlink()
            killed.append(decoder.pid)
            os.kill(decoder.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    with pytest.raises(MediaError, match="SIGKILL") as caught:
        ask(decoder, "hang", mark=str(mark))
    killer.join()
    assert caught.value.reason is Reason.WORKER_DIED
    assert len(set(killed)) == 2
    assert ask(decoder, "any")["data"]


def test_a_child_that_died_while_idle_costs_nothing(decoder):
    os.kill(ask(decoder, "any")["pid"], signal.SIGKILL)
    time.sleep(0.2)
    assert ask(decoder, "any")["data"]


def test_memory_is_limited(decoder):
    assert reason(decoder, "eat") is Reason.BOMB
    assert ask(decoder, "any")["data"]


def test_whatever_a_decoder_raises_is_the_medium_s_reason(decoder):
    with pytest.raises(MediaError, match="KeyError: 'a broken file'") as caught:
        ask(decoder, "raise")
    assert caught.value.reason is Reason.NOT_DECODABLE


def test_a_missing_library_is_no_reason_of_the_medium(decoder):
    with pytest.raises(CastorError, match=r"install castor\[media\]") as caught:
        ask(decoder, "import")
    assert not isinstance(caught.value, MediaError)


def test_a_child_that_does_not_start_says_why():
    broken = Decoder([sys.executable, "-c", "raise SystemExit('no such thing')"])
    with pytest.raises(CastorError, match="no such thing"):
        ask(broken, "any")


def test_the_child_dies_with_its_parent(tmp_path):
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    parent = textwrap.dedent(f"""
        import os, signal, sys, threading
        from castor.filters.media.decoder import Decoder
        from castor.filters.media.window import Window
        decoder = Decoder([sys.executable, {str(script)!r}])
        decoder.request("any", Window.of_bytes(b"x"))
        print(decoder.pid, flush=True)
        threading.Thread(
            target=lambda: decoder.request("hang", Window.of_bytes(b"x")), daemon=True
        ).start()
        sys.stdin.read(1)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    started = subprocess.Popen(
        [sys.executable, "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    pid = int(started.stdout.readline())
    os.kill(pid, 0)
    started.stdin.write("x")
    started.stdin.close()
    started.wait(10)
    started.stdout.close()
    for _ in range(50):
        try:
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        except FileNotFoundError:
            return
        if (
            stat.rpartition(")")[2].split()[0] == "Z"
        ):  # nobody reaps it in a container without an init
            return
        time.sleep(0.1)
    pytest.fail("the child outlived its parent")


def test_a_forked_process_gets_a_child_of_its_own(decoder):
    ours = ask(decoder, "any")["pid"]
    read, write = os.pipe()
    forked = os.fork()
    if not forked:
        os.write(write, str(ask(decoder, "any")["pid"]).encode())
        decoder.close()
        os._exit(0)
    os.waitpid(forked, 0)
    theirs = int(os.read(read, 20))
    os.close(read), os.close(write)
    assert theirs != ours
    assert ask(decoder, "any")["pid"] == ours


def test_the_child_imports_no_decoder_before_it_is_asked():
    code = (
        "import sys, castor.filters.media.child, castor.filters.annotators.image, "
        "castor.filters.annotators.audio, castor.filters.annotators.video, "
        "castor.pipelines.sources.images, castor.pipelines.sources.interleaved;"
        "print([m for m in ('PIL', 'av', 'numba', 'librosa', 'soundfile', 'apache_beam') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_answers_are_remembered_and_so_are_failures(make, monkeypatch):
    monkeypatch.setattr(decoders, "_remembered", type(decoders._remembered)())
    with Window.of_bytes(make.picture()) as good, Window.of_bytes(b"\x89PNG\r\n\x1a\n?") as bad:
        found = decoders.examine("image", good, b"good" * 4, "image/png", "PNG")
        with pytest.raises(MediaError):
            decoders.examine("image", bad, b"bad." * 4, "image/png", "PNG")
        monkeypatch.setattr(decoders, "_decoder", None)  # nobody is asked again
        assert decoders.examine("image", good, b"good" * 4, "image/png", "PNG") is found
        with pytest.raises(MediaError):
            decoders.examine("image", bad, b"bad." * 4, "image/png", "PNG")
        assert decoders.recall("image", b"good" * 4, good.length + 1) is None


def test_a_media_error_crosses_processes():
    error = pickle.loads(pickle.dumps(MediaError(Reason.BOMB, "too big")))
    assert (error.reason, str(error)) == (Reason.BOMB, "bomb: too big")
