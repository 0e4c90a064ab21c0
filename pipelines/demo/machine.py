"""What the machine has: the Python installation's and the installed packages' own files.

Nothing found is imported or run: source is parsed, metadata is read as text. Every walk is
sorted and bounded, so that the same machine gives the same material.
"""

from __future__ import annotations

import ast
import dataclasses
import email.parser
import functools
import pathlib
import sysconfig
from collections.abc import Iterator

# Packages of the environment whose documentation is prose, best first; each may be absent.
PACKAGES = (
    *("numpy", "scipy", "sklearn", "librosa", "pyarrow", "more_itertools", "click", "jinja2"),
    *("rich", "datasketch", "joblib", "requests", "pyparsing", "pydantic"),
)
# These document in private modules what they export from public ones.
_PRIVATE = frozenset(("scipy", "sklearn"))
# Not documentation: tests, generated tables, vendored copies.
_SKIPPED = frozenset(
    (
        *("test", "tests", "site-packages", "dist-packages", "__pycache__", "lib2to3"),
        *("idlelib", "turtledemo", "externals", "encodings", "ensurepip", "pydoc_data"),
    )
)
MAX_SOURCE_BYTES = 120_000  # a larger module costs more to parse than its pages are worth


@dataclasses.dataclass(frozen=True)
class Doc:
    """A docstring: of what (`function`, `class`, `module`), its signature, the cleaned text."""

    name: str
    kind: str
    signature: str
    text: str


@dataclasses.dataclass(frozen=True)
class Module:
    """One module, its package (`python` for the standard library) and its docstrings."""

    name: str
    package: str
    docs: tuple[Doc, ...]
    functions: tuple[str, ...]  # public functions at the top level
    classes: tuple[str, ...]  # public classes at the top level


@dataclasses.dataclass(frozen=True)
class Distribution:
    """What an installed package says of itself."""

    name: str
    version: str
    licence: str
    markdown: bool
    readme: str
    licences: tuple[pathlib.Path, ...]  # its licence files


def standard_library() -> pathlib.Path:
    """Folder of the standard library's modules."""
    return pathlib.Path(sysconfig.get_path("stdlib"))


def packages_folder() -> pathlib.Path:
    """Folder of the installed packages."""
    return pathlib.Path(sysconfig.get_path("purelib"))


def library_modules() -> Iterator[Module]:
    """The standard library's documented public modules, by path; parsed as they are taken."""
    return _modules(standard_library(), "python", depth=2)


def package_modules(package: str) -> Iterator[Module]:
    """The documented public modules of an installed package; none when it is absent."""
    return _modules(packages_folder() / package, package, depth=3)


@functools.cache
def distributions() -> tuple[Distribution, ...]:
    """Every installed package with a readme, sorted by name."""
    found = []
    for folder in sorted(packages_folder().glob("*.dist-info")):
        metadata = folder / "METADATA"
        if not metadata.is_file():
            continue
        message = email.parser.Parser().parsestr(metadata.read_text("utf-8", "replace"))
        name = str(message["Name"] or folder.name)
        if name.lower() == "castor":
            continue  # our own readme is not material
        licences = sorted(
            p for p in folder.rglob("*") if p.is_file() and p.name.upper().startswith(_LICENCES)
        )
        found.append(
            Distribution(
                name=name,
                version=str(message["Version"] or "0"),
                licence=str(message["License-Expression"] or message["License"] or "").strip(),
                markdown="markdown" in str(message["Description-Content-Type"] or ""),
                readme=str(message.get_payload() or message["Description"] or ""),
                licences=tuple(licences),
            )
        )
    return tuple(sorted(found, key=lambda d: d.name.lower()))


_LICENCES = ("LICENSE", "LICENCE", "COPYING", "NOTICE")


@functools.cache
def topics() -> tuple[tuple[str, str], ...]:
    """Name and text of the language reference's topics that ship with Python, sorted.

    Empty where the installation leaves them out, as some distributions do.
    """
    path = standard_library() / "pydoc_data" / "topics.py"
    if not path.is_file():
        return ()
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            return tuple(sorted(ast.literal_eval(node.value).items()))
    return ()


def files(folder: pathlib.Path, suffixes: frozenset[str], *, limit: int) -> list[pathlib.Path]:
    """The first `limit` files under the folder with one of the suffixes, sorted by path."""
    return [p for p, _ in zip(_walk(folder, suffixes), range(limit), strict=False)]


def _walk(folder: pathlib.Path, suffixes: frozenset[str]) -> Iterator[pathlib.Path]:
    try:
        entries = sorted(folder.iterdir(), key=lambda p: p.name)
    except OSError:
        return  # absent or closed to us: there is nothing to find here
    for path in entries:
        if path.is_symlink():
            continue
        if path.is_dir() and path.name not in ("__pycache__", "site-packages", "dist-packages"):
            yield from _walk(path, suffixes)
        elif path.suffix.lower() in suffixes and path.is_file():
            yield path


def _modules(folder: pathlib.Path, package: str, *, depth: int) -> Iterator[Module]:
    prefix = "" if package == "python" else package + "."
    for path in _sources(folder, depth, private=package in _PRIVATE):
        dotted = path.relative_to(folder).with_suffix("").as_posix().replace("/", ".")
        name = (prefix + dotted).removesuffix(".__init__")
        module = _parse(path, name, package)
        if module is not None:
            yield module


def _sources(folder: pathlib.Path, depth: int, *, private: bool) -> Iterator[pathlib.Path]:
    try:
        entries = sorted(folder.iterdir(), key=lambda p: p.name)
    except OSError:
        return
    for path in entries:
        if path.is_dir():
            if depth > 1 and path.name not in _SKIPPED and not path.name.startswith("_"):
                yield from _sources(path, depth - 1, private=private)
        elif path.suffix == ".py" and _is_shown(path, private=private):
            yield path


def _is_shown(path: pathlib.Path, *, private: bool) -> bool:
    if path.name.startswith("_") and not private and path.name != "__init__.py":
        return False
    return 200 < path.stat().st_size <= MAX_SOURCE_BYTES


@functools.cache
def _parse(path: pathlib.Path, name: str, package: str) -> Module | None:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None  # unreadable, for another Python, or with null bytes: nothing to show
    docs = [Doc(name, "module", "", text)] if (text := ast.get_docstring(tree)) else []
    docs += _docs(tree.body, "")
    if not docs:
        return None
    public = [n for n in tree.body if not getattr(n, "name", "_").startswith("_")]
    functions = tuple(n.name for n in public if isinstance(n, ast.FunctionDef))
    classes = tuple(n.name for n in public if isinstance(n, ast.ClassDef))
    return Module(name, package, tuple(docs), functions, classes)


def _docs(body: list[ast.stmt], prefix: str) -> list[Doc]:
    found: list[Doc] = []
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name.startswith("_"):
            continue
        text, name = ast.get_docstring(node), prefix + node.name
        if isinstance(node, ast.ClassDef):
            if text:
                found.append(Doc(name, "class", f"class {name}", text))
            found += _docs(node.body, name + ".")
        elif text:
            arguments = ", ".join(a.arg for a in node.args.posonlyargs + node.args.args)
            found.append(Doc(name, "function", f"{name}({arguments})", text))
    return found
