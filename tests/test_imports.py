"""What starting the command costs: no heavy library before a verb needs it."""

import json
import subprocess
import sys

HEAVY = ("apache_beam", "tensorflow", "jax", "pyarrow.dataset", "librosa", "av", "numba", "scipy")

# Not under pytest's own interpreter, which has imported much already. A comma-separated list in
# argv is imported first: that is how the test below shows that the probe can fail.
PROBE = """
import importlib, json, sys, time
for name in filter(None, sys.argv[1].split(",")):
    importlib.import_module(name)
from castor.pipelines.cli import main
try:
    main(["--help"], standalone_mode=False)
except SystemExit as stop:
    assert not stop.code, stop.code
print(json.dumps([time.process_time(), sorted(sys.modules)]), file=sys.stderr)
"""


def help_in_a_fresh_interpreter(*first: str) -> tuple[str, float, set[str]]:
    """What --help prints, the processor seconds of its whole process, and the modules loaded."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, ",".join(first)],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    seconds, loaded = json.loads(done.stderr.splitlines()[-1])
    return done.stdout, seconds, set(loaded)


def heavy(loaded: set[str]) -> list[str]:
    return [name for name in HEAVY if name in loaded]


def test_help_imports_nothing_heavy():
    text, _, loaded = help_in_a_fresh_interpreter()
    assert "Usage:" in text
    assert "castor.pipelines.cli" in loaded
    assert heavy(loaded) == []


def test_the_probe_sees_what_is_imported():
    _, _, loaded = help_in_a_fresh_interpreter("pyarrow.dataset")
    assert heavy(loaded) == ["pyarrow.dataset"]


def test_help_is_there_in_half_a_second():
    # Processor time, the best of three: other work on the machine delays it, and is not ours.
    assert min(help_in_a_fresh_interpreter()[1] for _ in range(3)) < 0.5
