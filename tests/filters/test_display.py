"""Progress of a verb: bars on a terminal, a plain line every five seconds elsewhere."""

import io
import sys
import time

from castor.filters.display import Display


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_plain_lines_come_every_five_seconds(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Display() as display:
        for second in range(12):
            now[0] = second
            display.show("count", second, 10, f"{min(second, 10)} documents")
        now[0] = 20
        display.show("train", 0, 0, "5 MB")
    assert capsys.readouterr().err.splitlines() == [
        "count 50%  5 documents", "count 100%  10 documents", "train  5 MB"
    ]  # fmt: skip


def test_bars_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with Display() as display:
        display.show("scan", 5, 10, "half")
        display.show("train", 0, 0, "how long is unknown")
    shown = sys.stderr.getvalue()
    for word in ("scan", "half", "train", "100 %"):
        assert word in shown


def test_the_end_of_a_step_is_shown_once_and_at_once(capsys):
    with Display() as display:
        for _ in range(3):
            display.show("count", 10, 10, "done")
    assert capsys.readouterr().err.splitlines() == ["count 100%  done"]
