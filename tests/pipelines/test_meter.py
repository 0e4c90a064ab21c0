"""Progress of a verb: bars on a terminal, a plain line every five seconds elsewhere."""

import io
import sys
import time

from castor.pipelines.meter import Meter


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_plain_lines_come_every_five_seconds(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Meter() as meter:
        for second in range(12):
            now[0] = second
            meter.show("count", second, 10, f"{second} documents")
        now[0] = 20
        meter.show("train", 0, 0, "5 MB")
    assert capsys.readouterr().err.splitlines() == [
        "count 50%  5 documents", "count 100%  10 documents", "train  5 MB"
    ]  # fmt: skip


def test_bars_on_a_terminal(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    with Meter() as meter:
        meter.show("scan", 5, 10, "half")
        meter.show("train", 0, 0, "how long is unknown")
    shown = sys.stderr.getvalue()
    for word in ("scan", "half", "train", "100 %"):
        assert word in shown
