"""A recipe over rows of every outcome, and its run with one worker."""

import pathlib
import shutil

import pytest
from runs import POLICY, RECIPE, write_rows


@pytest.fixture(scope="session")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "short.yaml").write_text(POLICY)
    path = folder / "mixed.yaml"
    path.write_text(RECIPE.replace("POLICY", str(folder / "short.yaml")))
    return path


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("rows")
    write_rows(folder, files=5, rows=40)
    return folder


@pytest.fixture(scope="session")
def reference(castor, recipe, rows, tmp_path_factory) -> pathlib.Path:
    """The run with one worker, in this process's own thread."""
    out = tmp_path_factory.mktemp("reference") / "out"
    castor("run", recipe, out, "--set", f"input={rows}", "--workers", 1)
    return out


@pytest.fixture
def finished(reference, tmp_path) -> pathlib.Path:
    """A copy of that run, to run again into."""
    return pathlib.Path(shutil.copytree(reference, tmp_path / "finished"))


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("many")
    write_rows(folder, files=12, rows=800)
    return folder


@pytest.fixture(scope="session")
def uninterrupted(castor, recipe, many, tmp_path_factory) -> pathlib.Path:
    """The run over many rows that nobody disturbed, with one worker."""
    out = tmp_path_factory.mktemp("uninterrupted") / "out"
    castor("run", recipe, out, "--set", f"input={many}", "--workers", 1)
    return out
