"""What there is, by name."""

import subprocess
import sys

import pytest

from castor.filters.errors import CastorError, ConfigError
from castor.filters.registry import find, load, names


def test_names_are_the_files():
    assert {"text", "url", "badwords"} <= set(names("annotator"))
    assert {"mask_pii", "c4_lines"} <= set(names("rewriter"))
    assert not [n for n in names("annotator") if n.startswith("_")]
    assert list(names("policy")) == sorted(names("policy"))


@pytest.mark.parametrize(
    ("kind", "name", "near"),
    [("annotator", "txt", "text"), ("rewriter", "mask_pi", "mask_pii")],
)
def test_an_unknown_name_is_an_error_with_the_nearest(kind, name, near):
    with pytest.raises(ConfigError, match=f"no {kind} named '{name}'\n  -> did you mean '{near}'"):
        load(kind, name)


def test_a_package_that_is_not_installed_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "castor.filters.annotators.audio", None)
    with pytest.raises(CastorError, match=r"a package that annotator 'audio' needs.*\n.*doctor"):
        find("annotator", "audio", "castor.filters.annotators", ["audio"], object)


def test_what_is_shipped_loads_without_what_it_compiles():
    """A run that is only checked, and its supervisor, need no compiler and no library of media."""
    script = (
        "import sys; from castor.filters.registry import load, names\n"
        "for kind in ('annotator', 'rewriter'):\n"
        "    for name in names(kind):\n"
        "        load(kind, name)\n"
        "        assert 'numba' not in sys.modules, (kind, name)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()


def test_a_module_outside(tmp_path, monkeypatch):
    package = tmp_path / "outside_of_castor"
    package.mkdir()
    (package / "__init__.py").write_text("")
    head = "from castor.filters.rewriter import Edit, rewriter\n"
    one = "@rewriter(version=1)\ndef f(text):\n    yield from ()\n"
    (package / "good.py").write_text(head + one)
    (package / "none.py").write_text(head)
    (package / "two.py").write_text(head + one + one.replace("f(", "g("))
    (package / "fails.py").write_text("import a_module_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert load("rewriter", "outside_of_castor.good").name == "good"
    for name, n in (("none", 0), ("two", 2)):
        with pytest.raises(CastorError, match=f"exactly one rewriter, in .*{name}: got {n}"):
            load("rewriter", f"outside_of_castor.{name}")
    (package / "raises.py").write_text("1 / 0\n")
    for name in ("outside_of_castor.missing", "not_there_at_all.x"):
        with pytest.raises(ConfigError, match=f"no rewriter named '{name}'.*\n.*PYTHONPATH"):
            load("rewriter", name)
    for name, why in (("fails", "a_module_that_is_not_there"), ("raises", "ZeroDivisionError")):
        with pytest.raises(ConfigError, match=f"outside_of_castor.{name}' cannot be .*{why}"):
            load("rewriter", f"outside_of_castor.{name}")
    for name in list(sys.modules):
        if name.startswith("outside_of_castor"):
            monkeypatch.delitem(sys.modules, name)
