"""What the tests share: a data kit where there is one, and the command line as a person runs it."""

import os
import pathlib
import subprocess
import sys
from collections.abc import Callable, Mapping

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMAND = pathlib.Path(sys.executable).parent / "castor"


def pytest_make_parametrize_id(val: object) -> str | None:
    """Names bytes by their length: packed data hold the time, and names must not change."""
    return f"{len(val)}-bytes" if isinstance(val, bytes) else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts files with slow tests first: one that begins last is waited for by an idle core."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def kit() -> pathlib.Path:
    """The folder of real data: CASTOR_DATA, else ../shared/data beside the repository."""
    named = os.environ.get("CASTOR_DATA")
    folder = pathlib.Path(named) if named else ROOT.parent / "shared" / "data"
    if not (folder / "manifest.jsonl").is_file():
        pytest.skip(f"needs a data kit: no manifest.jsonl in {folder} (set CASTOR_DATA to one)")
    return folder


@pytest.fixture(scope="session")
def castor() -> Callable[..., subprocess.CompletedProcess[str]]:
    """The installed command: `castor("run", "web", out)` gives its CompletedProcess, as text."""

    def run(
        *args: object,
        check: bool = True,
        env: Mapping[str, str] | None = None,
        cwd: pathlib.Path | None = None,
        timeout: float = 600,
    ) -> subprocess.CompletedProcess[str]:
        """Runs it; `env` is added to the environment, and check fails the test on an exit not 0."""
        done = subprocess.run(
            [COMMAND, *map(str, args)],
            env={**os.environ, **(env or {})},
            cwd=cwd,
            timeout=timeout,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        if check and done.returncode:
            pytest.fail(
                f"castor {' '.join(map(str, args))} exited {done.returncode}\n"
                f"--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"
            )
        return done

    return run
