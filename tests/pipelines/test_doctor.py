"""The doctor: each finding is made to happen, for a doctor that is always content helps nobody."""

import collections
import importlib.metadata
import json
import pathlib
import subprocess
import sys
import time

import click
import pytest
from packaging.requirements import Requirement

from castor.pipelines import doctor
from castor.pipelines.doctor import Check

WHOLE = """
import dataclasses, json, sys
from castor.pipelines import doctor
checks = doctor.diagnose(sys.argv[1])
print(json.dumps([[dataclasses.asdict(c) for c in checks], sorted(sys.modules)]))
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[list[Check], set[str]]:
    """One real diagnosis, and the modules that making it loaded into its own process."""
    done = subprocess.run(
        [sys.executable, "-c", WHOLE, tmp_path_factory.mktemp("out") / "not" / "yet"],
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    checks, modules = json.loads(done.stdout)
    return [Check(**check) for check in checks], set(modules)


def test_every_check_has_its_own_name_and_a_fix_only_where_one_is_due(whole):
    checks, _ = whole
    names = collections.Counter(check.name for check in checks)
    assert max(names.values()) == 1
    assert all(check.found for check in checks)
    assert [c for c in checks if bool(c.fix) == (c.status == "ok")] == []
    assert [c for c in checks if "\n" in c.found + c.fix] == []


def test_it_looks_at_all_that_it_promises(whole):
    names = {check.name for check in whole[0]}
    assert names >= {"python", "locale", "cores", "memory", "disk", "kernel cache", "chromium"}
    assert names >= {"apache-beam", "sentencepiece", "tensorflow", "av", "librosa", "pillow"}
    assert names >= {"fasttext-community", "datasketch", "numpy", "jax", "jinja2"}
    assert names >= {"fasttext predicts", "ffmpeg", "image decoders", "devices for jax"}
    assert names >= {"engine local", "engine dataflow", "engines flink, spark, prism"}
    assert "castor" in names


def test_it_loads_nothing_heavy_into_its_own_process(whole):
    heavy = {"apache_beam", "tensorflow", "jax", "av", "librosa", "fasttext", "numba", "numpy"}
    assert heavy & whole[1] == set()


def test_what_make_setup_installs_passes(whole):
    if pathlib.Path(sys.prefix).name != ".venv":
        pytest.skip("speaks of the environment that make setup makes; this is another")
    assert [c for c in whole[0] if c.status == "fail"] == []


def test_exit_code_is_for_failures_only():
    ok, warn = Check("a", "ok", "1"), Check("b", "warn", "2", "mend")
    assert doctor.exit_code([ok, warn]) == 0
    assert doctor.exit_code([ok, warn, Check("c", "fail", "3", "mend")]) == 1


def test_render_aligns_and_puts_each_fix_below_its_check():
    text = click.unstyle(
        doctor.render([Check("a", "ok", "1.2"), Check("long name", "fail", "none", "mend it")])
    )
    assert text.splitlines() == [
        "ok    a          1.2",
        "fail  long name  none",
        "                 -> mend it",
        "1 ok, 0 warnings, 1 failed",
    ]


@pytest.mark.parametrize(
    ("version", "status"), [((3, 10), "fail"), ((3, 11), "ok"), ((3, 14), "warn")]
)
def test_python(monkeypatch, version, status):
    monkeypatch.setattr(sys, "version_info", (*version, 0, "final", 0))
    assert doctor._python().status == status


def test_a_terminal_that_is_not_utf8(monkeypatch):
    monkeypatch.setattr(doctor.locale, "getpreferredencoding", lambda _: "ISO-8859-1")
    check = doctor._utf8()
    assert (check.status, check.found) == ("warn", "text in ISO-8859-1")


@pytest.mark.parametrize(
    ("line", "extra", "status", "found"),
    [
        ("click>=8", None, "ok", importlib.metadata.version("click")),
        ("click>=9999", None, "fail", "needs >=9999"),
        ("no-such-distribution>=1", None, "fail", "not installed"),
        ("no-such-distribution>=1; extra == 'media'", "media", "warn", "images, audio and video"),
        ("nope; extra == 'new'", "new", "warn", "not installed (for new)"),
        ("click>=9999; extra == 'model'", "model", "warn", "needs >=9999 (for training"),
    ],
)
def test_a_package(line, extra, status, found):
    need = Requirement(line)
    assert doctor._extra_of(need, ["dev", "media", "model", "new"]) == extra
    check = doctor._package(need, extra)
    assert check.status == status
    assert found in check.found


def test_a_missing_package_is_told_with_the_line_that_installs_it():
    assert doctor._package(Requirement("nope>=1"), None).fix == "pip install 'nope>=1'"
    assert doctor._package(Requirement("nope"), "media").fix == "pip install 'castor[media]'"


def test_a_new_extra_is_not_taken_for_the_base(monkeypatch):
    about = {"Version": "9", "Provides-Extra": ["new"]}
    about = type("Metadata", (dict,), {"get_all": dict.get})(about)
    monkeypatch.setattr(doctor.importlib.metadata, "requires", lambda _: ["nope; extra == 'new'"])
    monkeypatch.setattr(doctor.importlib.metadata, "metadata", lambda _: about)
    assert [(c.name, c.status) for c in doctor._packages()] == [("castor", "ok"), ("nope", "warn")]


def test_castor_run_without_being_installed(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor.importlib.metadata, "requires", absent)
    assert [(c.name, c.status, c.fix) for c in doctor._packages()] == [
        ("castor", "fail", "make setup")
    ]


@pytest.mark.parametrize(
    ("version", "status", "found"),
    [
        ("13.0.0", "ok", "13.0.0"),
        ("13.1", "ok", "13.1"),
        ("12.9.9", "warn", "critical decoder faults"),
        (None, "warn", "no pillow"),
    ],
)
def test_pillow(monkeypatch, version, status, found):
    monkeypatch.setattr(doctor, "_version", lambda _: version)
    check = doctor._pillow()
    assert check.status == status
    assert found in check.found


@pytest.mark.parametrize(
    ("free_gb", "status"), [(0.9, "fail"), (1.1, "warn"), (9.9, "warn"), (10.1, "ok")]
)
def test_disk_space(monkeypatch, tmp_path, free_gb, status):
    monkeypatch.setattr(
        doctor.shutil, "disk_usage", lambda _: collections.namedtuple("U", "free")(free_gb * 1e9)
    )
    assert doctor._disk(tmp_path / "not" / "yet").status == status


def test_a_file_where_the_output_folder_should_be(tmp_path):
    (tmp_path / "file").touch()
    check = doctor._disk(tmp_path / "file" / "out")
    assert check.status == "fail"
    assert "cannot write" in check.found


@pytest.mark.parametrize(
    ("kernel", "status", "found"),
    [
        ({"memory.max": "max", "memory.current": "5"}, "ok", "8.0 GB"),
        ({"memory.max": "6000000000", "memory.current": "4500000000"}, "warn", "1.5 GB"),
        ({"memory.max": "99000000000", "memory.current": "0"}, "ok", "8.0 GB"),
        ({}, "ok", "8.0 GB"),
    ],
)
def test_memory_is_what_the_container_leaves(monkeypatch, kernel, status, found):
    import psutil

    memory = collections.namedtuple("M", "available")(8e9)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    monkeypatch.setattr(doctor, "_read", lambda path: kernel.get(pathlib.Path(path).name, ""))
    check = doctor._memory()
    assert check.status == status
    assert check.found.startswith(found)


@pytest.mark.parametrize(
    ("quota", "found"), [("max 100000", "4"), ("150000 100000", "1.5 of 4"), ("", "4")]
)
def test_cores_are_what_the_container_leaves(monkeypatch, quota, found):
    monkeypatch.setattr(doctor.os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.setattr(doctor, "_read", lambda _: quota)
    assert doctor._cores().found.startswith(found)


def test_a_kernel_cache_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))
    check = doctor._numba_cache()
    assert check.status == "warn"
    assert check.fix.startswith("export NUMBA_CACHE_DIR=")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "not" / "yet"))
    assert doctor._numba_cache().status == "ok"


def test_numba_falls_back_to_the_cache_of_the_user(monkeypatch, tmp_path):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "_can_write", lambda folder: folder.is_relative_to(tmp_path))
    assert doctor._numba_cache().found == f"writable: {tmp_path / 'numba'}"


def test_no_browser_and_no_java(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert doctor._browser().status == "warn"
    assert "no java" in doctor._other_engines().found
    for name in ("chromium", "java"):
        (tmp_path / name).touch(mode=0o755)
    assert doctor._browser().found == str(tmp_path / "chromium")
    assert "java is there" in doctor._other_engines().found


def test_a_probe_tells_how_it_went(monkeypatch):
    assert doctor._try("print('hail'); print('found it')") == (True, "found it")
    assert doctor._try("raise ValueError('broken')") == (False, "ValueError: broken")
    assert doctor._try("import os; os.kill(os.getpid(), 9)") == (False, "died of signal 9")
    assert doctor._try("import sys; sys.exit(3)") == (False, "no output")
    monkeypatch.setattr(doctor, "PROBE_TIMEOUT_S", 0.3)
    began = time.monotonic()
    assert doctor._try("import time; time.sleep(60)") == (False, "no answer in 0.3 s")
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("probe", "answer", "status", "found"),
    [
        ("_fasttext", (False, "ValueError: copy=False"), "fail", "copy=False"),
        ("_ffmpeg", (True, "8.0|"), "ok", "8.0 in av, with h264"),
        ("_ffmpeg", (True, "8.0|hevc av1"), "warn", "without hevc av1"),
        ("_ffmpeg", (False, "ImportError: libx"), "fail", "libx"),
        ("_dataflow", (False, "No module named 'google.cloud'"), "warn", "google.cloud"),
        ("_jax_devices", (True, "tpu|4 x TPU v5e"), "ok", "tpu: 4 x TPU v5e"),
        ("_jax_devices", (False, "no answer in 90 s"), "fail", "no answer"),
    ],
)
def test_what_a_probe_answers_becomes_a_check(monkeypatch, probe, answer, status, found):
    monkeypatch.setattr(doctor, "_try", lambda _: answer)
    monkeypatch.setattr(doctor, "_version", lambda _: "1.0")
    check = getattr(doctor, probe)()
    assert check.status == status
    assert found in check.found
    assert bool(check.fix) == (status != "ok")


@pytest.mark.parametrize(("driver", "status"), [(True, "warn"), (False, "ok")])
def test_a_gpu_that_jax_does_not_use(monkeypatch, tmp_path, driver, status):
    monkeypatch.setattr(doctor, "_version", lambda _: "1.0")
    monkeypatch.setattr(doctor, "_try", lambda _: (True, "cpu|1 x cpu"))
    monkeypatch.setattr(doctor.pathlib.Path, "exists", lambda _: driver)
    assert doctor._jax_devices().status == status


@pytest.mark.parametrize("probe", ["_ffmpeg", "_jax_devices"])
def test_without_an_extra_its_probe_does_not_run(monkeypatch, probe):
    monkeypatch.setattr(doctor, "_version", lambda _: None)
    monkeypatch.setattr(doctor, "_try", lambda _: pytest.fail("ran"))
    check = getattr(doctor, probe)()
    assert check.status == "warn"
    assert check.fix.startswith("pip install 'castor[")
