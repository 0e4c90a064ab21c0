"""What is installed is what is in the folders, and the lock holds what setup.cfg asks for."""

import configparser
import importlib.metadata
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAYERS = ("filters", "tokenizer", "mixtures", "pipelines", "model")
PILLOW_FIX = Version("13.0.0")


@pytest.fixture(scope="module")
def setup_cfg() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


@pytest.fixture(scope="module")
def lock() -> dict[str, Version]:
    pins = {}
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        if not line.startswith("#"):
            name, _, version = line.partition("==")
            pins[name] = Version(version)  # anything but name==version raises here
    return pins


def listed(value: str) -> list[str]:
    lines = (line.strip() for line in value.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def test_the_packages_are_the_folders_with_an_init(setup_cfg):
    folders = {
        "castor." + ".".join(init.parent.relative_to(ROOT).parts)
        for layer in LAYERS
        for init in (ROOT / layer).rglob("__init__.py")
    }
    packages = listed(setup_cfg["options"]["packages"])
    assert sorted(packages) == sorted(folders)


def test_no_module_lies_in_a_folder_that_is_no_package():
    lost = [
        path.relative_to(ROOT).as_posix()
        for layer in LAYERS
        for path in (ROOT / layer).rglob("*.py")
        if not (path.parent / "__init__.py").exists()
    ]
    assert lost == []


def contents(folder: pathlib.Path) -> set[str]:
    """The files of the packages, as a wheel should name them."""
    return {
        "castor/" + path.relative_to(folder).as_posix()
        for layer in LAYERS
        for path in (folder / layer).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> tuple[set[str], zipfile.ZipFile]:
    """What the folders hold, and a wheel built as Beam builds it for workers: by way of an sdist.

    From a copy, because setuptools leaves build/ and egg-info where it works.
    """
    copy = tmp_path_factory.mktemp("source")
    for layer in LAYERS:
        skip = shutil.ignore_patterns("__pycache__", ".*", "*.tmp")
        shutil.copytree(ROOT / layer, copy / layer, ignore=skip)
    for name in ("setup.cfg", "setup.py", "pyproject.toml", "LICENSE", "README.md"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy)

    def build(*args: str, cwd: pathlib.Path) -> None:
        done = subprocess.run(
            [sys.executable, *args], cwd=cwd, capture_output=True, encoding="utf-8"
        )
        assert done.returncode == 0, done.stdout + done.stderr

    build("setup.py", "-q", "sdist", cwd=copy)
    (sdist,) = (copy / "dist").glob("*.tar.gz")
    shutil.unpack_archive(sdist, copy / "unpacked", filter="data")
    (unpacked,) = (copy / "unpacked").iterdir()
    build("-m", "build", "-w", "-n", cwd=unpacked)
    (built,) = (unpacked / "dist").glob("*.whl")
    return contents(copy), zipfile.ZipFile(built)


def test_the_wheel_holds_every_file_of_the_folders_and_nothing_else(wheel):
    expected, archive = wheel
    names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert "castor/filters/py.typed" in names
    assert sorted(names) == sorted(expected)


def test_the_wheel_names_the_command_and_the_licence(wheel):
    _, archive = wheel
    info = next(n for n in archive.namelist() if n.endswith("/entry_points.txt"))
    assert "castor = castor.pipelines.cli:main" in archive.read(info).decode()
    assert any(n.endswith("licenses/LICENSE") for n in archive.namelist())


@pytest.mark.parametrize("layer", LAYERS)
def test_a_package_refuses_its_bare_name(layer):
    done = subprocess.run(
        [sys.executable, "-c", f"import {layer}"], cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    assert done.returncode != 0
    assert f"import castor.{layer}, not {layer}" in done.stderr
    done = subprocess.run([sys.executable, "-c", f"import castor.{layer}"], cwd=ROOT)
    assert done.returncode == 0


def requirements(setup_cfg: configparser.ConfigParser) -> list[Requirement]:
    extras = dict(setup_cfg["options.extras_require"])
    everything = Requirement(extras.pop("all").strip())
    assert everything.name == "castor"
    assert everything.extras == set(extras)
    values = [setup_cfg["options"]["install_requires"], *extras.values()]
    return [Requirement(line) for value in values for line in listed(value)]


def unmet(wanted: list[Requirement], pins: dict[str, Version]) -> list[str]:
    """What the lock lacks or holds at a wrong version, down to the last dependency."""
    problems, seen = [], set()
    todo = [(r, "setup.cfg", "") for r in wanted]
    while todo:
        need, asker, extra = todo.pop()
        if need.marker and not need.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(need.name)
        if name not in pins:
            problems.append(f"{asker} needs {need}: not in constraints.txt")
            continue
        overridden = name == "pillow" and asker == "apache-beam"
        if not overridden and not need.specifier.contains(pins[name], prereleases=True):
            problems.append(f"{asker} needs {need}: constraints.txt has {pins[name]}")
        for asked in {"", *need.extras}:
            if (name, asked) not in seen:
                seen.add((name, asked))
                lines = importlib.metadata.requires(name) or []
                todo += [(Requirement(line), name, asked) for line in lines]
    return sorted(problems)


def test_the_lock_is_complete_and_every_bound_holds(setup_cfg, lock):
    assert unmet(requirements(setup_cfg), lock) == []


def test_a_gap_in_the_lock_is_found(setup_cfg, lock):
    short = {name: pin for name, pin in lock.items() if name != "llvmlite"}
    assert ["numba needs llvmlite" in p for p in unmet(requirements(setup_cfg), short)] == [True]
    old = {**lock, "numpy": Version("1.26.4")}
    assert any(p.startswith("setup.cfg needs numpy") for p in unmet(requirements(setup_cfg), old))


def test_the_lock_has_what_the_user_named_and_a_safe_pillow(lock):
    named = "apache-beam sentencepiece tensorflow av librosa pillow fasttext-community datasketch"
    assert set(named.split()) <= set(lock)
    assert lock["apache-beam"] >= Version("2.76")
    assert lock["pillow"] >= PILLOW_FIX


def test_the_lock_is_what_is_installed(lock):
    if pathlib.Path(sys.prefix) != ROOT / ".venv":
        pytest.skip("speaks of the environment that make setup makes; this is another")
    installed = {name: Version(importlib.metadata.version(name)) for name in lock}
    assert installed == lock


# A host, or an absolute path other than the few that every machine has.
PLACE = re.compile(
    r"://|(?<![\w.$)}*])/(?!dev/null|path/to|usr/bin/env)\w+/|--index-url|--find-links"
)


def test_nothing_here_names_a_host_or_a_place_on_one_machine():
    files = ("setup.cfg", "setup.py", "pyproject.toml", "constraints.txt", "Makefile", ".ci/run")
    for name in files:
        text = (ROOT / name).read_text("utf-8")
        assert not PLACE.search(text), name


@pytest.mark.parametrize("text", ["cd /srv/x/", "P=/opt/me/bin", "https://a.b", "--index-url x"])
def test_a_place_would_be_seen(text):
    assert PLACE.search(text)
