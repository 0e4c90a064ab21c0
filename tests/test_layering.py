"""Who may import whom: every import of every module, held against one table."""

import ast
import dataclasses
import pathlib
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAYERS = ("filters", "tokenizer", "mixtures", "pipelines", "model")

# What every layer stands on: errors, whole files, locks, typed configuration, progress. None of
# them imports anything of ours beyond the others.
BASE = {
    "castor.filters.configuration",
    "castor.filters.display",
    "castor.filters.errors",
    "castor.filters.lock",
    "castor.filters.outputs",
    "castor.filters.storage",
}
RECORD = "castor.filters.record"

MAY_IMPORT = {
    "filters": {"castor.filters"},
    "tokenizer": {"castor.tokenizer", RECORD, *BASE},
    "mixtures": {"castor.mixtures", RECORD, *BASE},
    "pipelines": {"castor.pipelines", "castor.filters", "castor.tokenizer", "castor.mixtures"},
    "model": {"castor.model", "castor.tokenizer", "castor.mixtures", *BASE},
}
# The two files that join everything, and only when a verb needs it.
JOIN_MODEL = ("pipelines/cli.py", "pipelines/api.py")
JAX = {"jax", "jaxlib", "optax", "orbax", "flax"}


@dataclasses.dataclass(frozen=True)
class Import:
    """One imported name, written out; lazy if it runs only when a function is called."""

    name: str
    line: int
    lazy: bool

    def within(self, *packages: str) -> bool:
        return any(self.name == p or self.name.startswith(p + ".") for p in packages)


def imports(path: str, source: str) -> Iterator[Import]:
    """The imports of a module at a path relative to the root; `from a import b` gives a.b."""
    package = ["castor", *pathlib.PurePosixPath(path).parent.parts]

    def walk(node: ast.AST, lazy: bool) -> Iterator[Import]:
        match node:
            case ast.Import(names=names):
                for name in names:
                    yield Import(name.name, node.lineno, lazy)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = package[: len(package) - level + 1] if level else []
                for name in names:
                    parts = [*base, *([module] if module else []), name.name]
                    yield Import(".".join(parts), node.lineno, lazy)
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module")
                | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield Import(name, node.lineno, lazy)
        lazy = lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, lazy)

    yield from walk(ast.parse(source, path), False)


def breaches(path: str, source: str) -> list[str]:
    """What a module at a path relative to the root imports and must not, one line each."""
    layer = path.split("/", 1)[0]
    found = []
    for it in imports(path, source):

        def say(why: str, it: Import = it) -> None:
            found.append(f"{path}:{it.line}: {it.name}: {why}")

        if it.within(*LAYERS):
            say(f"import castor.{it.name}, not {it.name}: under a second name it is another module")
        if layer not in LAYERS:
            continue
        if it.within("tests"):
            say("tests are not installed")
        if it.within("castor.model") and path in JOIN_MODEL:
            if not it.lazy:
                say("import it inside the function that needs it, or castor --help loads JAX")
        elif it.within("castor") and not it.within(*MAY_IMPORT[layer]):
            say(f"{layer} may import {', '.join(sorted(MAY_IMPORT[layer]))}")
        if it.within("apache_beam"):
            if layer != "pipelines":
                say("Beam belongs in pipelines")
            elif path.startswith("pipelines/sources/"):
                say("a source is a pure generator over one shard, without Beam")
        if it.within(*JAX):
            if layer in ("filters", "pipelines", "mixtures"):
                say("JAX belongs in model")
            elif layer == "tokenizer" and not ("image" in path and it.lazy):
                say("in tokenizer only the image tokenizer uses JAX, inside a function")
        if it.within("tensorflow") and not it.lazy:
            say("import TensorFlow inside the function that needs it: it takes seconds")
    return found


def modules() -> list[pathlib.Path]:
    """Every module of ours, tests included."""
    return sorted(p for top in (*LAYERS, "tests") for p in (ROOT / top).rglob("*.py"))


def test_every_module_keeps_to_its_layer():
    paths = modules()
    assert {p.relative_to(ROOT).parts[0] for p in paths} == {*LAYERS, "tests"}
    found = [
        line
        for path in paths
        for line in breaches(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
    ]
    assert not found, "\n".join(found)


ALLOWED = [
    ("filters/text.py", "import numpy, pyarrow\nfrom castor.filters import record"),
    ("tokenizer/train.py", "from castor.filters.record import Record"),
    ("tokenizer/train.py", "from castor.filters import record, errors"),
    ("tokenizer/image.py", "def f():\n    import jax"),
    ("mixtures/pack.py", "from castor.filters import errors\nfrom . import plan"),
    (
        "model/train.py",
        "import jax\nfrom castor.mixtures import plan\nfrom castor.tokenizer import e",
    ),
    ("model/train.py", "from castor.filters.errors import CastorError"),
    ("pipelines/run.py", "import apache_beam as beam\nfrom castor.filters.annotators import x"),
    ("pipelines/cli.py", "def train():\n    from castor.model import train"),
    ("pipelines/api.py", "async def train():\n    import castor.model.train"),
    ("pipelines/tfds.py", "def read():\n    import tensorflow as tf"),
    ("pipelines/sources/web.py", "from .. import source\nfrom castor.filters import record"),
    ("tests/test_x.py", "import jax, apache_beam, castor.model"),
]

FORBIDDEN = [
    ("filters/a.py", "import filters.record", "not filters.record"),
    ("pipelines/a.py", "from tokenizer import encode", "not tokenizer.encode"),
    ("tests/test_a.py", "import model", "not model"),
    ("filters/a.py", "from castor.pipelines import source", "filters may import"),
    ("filters/a.py", "def f():\n    import castor.tokenizer", "filters may import"),
    ("filters/a.py", "from ..mixtures import plan", "filters may import"),
    ("filters/annotators/a.py", "from ...model import x", "filters may import"),
    ("filters/a.py", "import importlib\nimportlib.import_module('castor.model')", "may import"),
    (
        "filters/a.py",
        "from importlib import import_module as i\nx = __import__('castor.model')",
        "may",
    ),
    ("tokenizer/a.py", "from castor.filters import registry", "tokenizer may import"),
    ("tokenizer/a.py", "import castor.filters", "tokenizer may import"),
    ("tokenizer/a.py", "from castor.mixtures import plan", "tokenizer may import"),
    ("mixtures/a.py", "from castor.filters.policy import Policy", "mixtures may import"),
    ("mixtures/a.py", "from castor.tokenizer import encode", "mixtures may import"),
    ("model/a.py", "from castor.filters.record import Record", "model may import"),
    ("model/a.py", "import castor.pipelines.api", "model may import"),
    ("model/a.py", "from castor import pipelines", "model may import"),
    ("pipelines/a.py", "def f():\n    import castor.model", "pipelines may import"),
    ("pipelines/demo/cli.py", "def f():\n    import castor.model", "pipelines may import"),
    ("pipelines/cli.py", "from castor.model import train", "inside the function"),
    ("pipelines/api.py", "if True:\n    import castor.model.train", "inside the function"),
    ("pipelines/a.py", "from tests import conftest", "not installed"),
    ("filters/a.py", "import apache_beam as beam", "Beam belongs"),
    ("tokenizer/a.py", "from apache_beam.io import fileio", "Beam belongs"),
    ("mixtures/a.py", "def f():\n    import apache_beam", "Beam belongs"),
    ("model/a.py", "import apache_beam", "Beam belongs"),
    ("pipelines/sources/a.py", "def f():\n    import apache_beam", "without Beam"),
    ("filters/a.py", "import jax.numpy as jnp", "JAX belongs"),
    ("pipelines/a.py", "def f():\n    import jax", "JAX belongs"),
    ("mixtures/a.py", "import optax", "JAX belongs"),
    ("tokenizer/train.py", "def f():\n    import jax", "only the image tokenizer"),
    ("tokenizer/image.py", "import jax", "only the image tokenizer"),
    ("pipelines/a.py", "import tensorflow as tf", "inside the function"),
    ("model/a.py", "class C:\n    import tensorflow", "inside the function"),
]


@pytest.mark.parametrize(("path", "source"), ALLOWED)
def test_what_the_table_allows_passes(path, source):
    assert breaches(path, source) == []


@pytest.mark.parametrize(("path", "source", "why"), FORBIDDEN)
def test_what_the_table_forbids_is_found(path, source, why):
    found = breaches(path, source)
    assert len(found) == 1
    assert why in found[0]
