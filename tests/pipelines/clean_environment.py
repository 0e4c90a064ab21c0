"""A Python that has what a package declares and nothing else, made without a network.

Its site-packages holds links to the installed distributions in the closure of the declared
dependencies, as an installer would have resolved them, and the staged package itself.
"""

import importlib.metadata
import pathlib
import shutil
import subprocess
import sys
import zipfile

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def make(folder: pathlib.Path, package: pathlib.Path) -> pathlib.Path:
    """Makes the environment and installs a source package there; returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    site = next((folder / "lib").glob("python*")) / "site-packages"
    wheel = build_wheel(package, folder)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
        metadata = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
    declared = importlib.metadata.PathDistribution(site / metadata.split("/")[0]).requires or []
    for name in closure(declared):
        link(importlib.metadata.distribution(name), site)
    bring_compiled(site / "castor")
    return python


def bring_compiled(package: pathlib.Path) -> None:
    """Copies the kernels compiled here, each of which serves the source it was compiled from."""
    here = pathlib.Path(__file__).resolve().parents[2]
    for top in package.iterdir():
        for compiled in (here / top.name).rglob("__pycache__/*.nb[ci]"):
            to = package / compiled.relative_to(here)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(compiled, to)


def build_wheel(package: pathlib.Path, folder: pathlib.Path) -> pathlib.Path:
    """Builds the wheel of a source package with the build tools at hand."""
    import tarfile

    with tarfile.open(package) as archive:
        archive.extractall(folder / "source", filter="data")
    source = next((folder / "source").iterdir())
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", str(source)]
    subprocess.run([*command, "--outdir", str(folder)], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def closure(requirements: list[str]) -> set[str]:
    """Names of all distributions that the requirements bring, by what is installed here."""
    found: set[str] = set()
    todo = [(Requirement(r), "") for r in requirements]
    while todo:
        requirement, extra = todo.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        wanted = [(name, e) for e in (*requirement.extras, "")]
        for key in (f"{n}[{e}]" for n, e in wanted):
            if key in found:
                continue
            found.add(key)
            own = importlib.metadata.distribution(name).requires or []
            todo += [(Requirement(r), key[len(name) + 1 : -1]) for r in own]
    return {k.split("[")[0] for k in found}


def link(distribution: importlib.metadata.Distribution, site: pathlib.Path) -> None:
    """Links every file or folder of a distribution's top level into site-packages."""
    root = pathlib.Path(str(distribution.locate_file("")))
    tops = {f.parts[0] for f in distribution.files or () if ".." not in f.parts}
    for top in sorted(tops - {"__pycache__"}):
        if (root / top).exists() and not (site / top).exists():
            (site / top).symlink_to(root / top)
