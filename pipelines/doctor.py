"""What this machine has and what works on it, each with the one line that fixes what does not.

`diagnose` looks, `render` shows. Nothing heavy is imported here: versions are read from the
metadata of what is installed, and what must be tried out is tried in a process of its own with a
time limit, so a device or a library that hangs cannot hang the doctor.
"""

from __future__ import annotations

import codecs
import concurrent.futures
import dataclasses
import importlib.metadata
import locale
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import click
from packaging.requirements import Requirement
from packaging.version import Version

Status = Literal["ok", "warn", "fail"]

TESTED_PYTHON = (3, 11)

# Pillow 13.0.0 fixes critical faults in its decoders. Beam 2.77 asks for pillow<13 but its own
# code does not need that, so make setup installs 13 in spite of it.
PILLOW_FIX = Version("13.0.0")

# A run writes intermediate datasets beside its output; below the first figure not even the
# demonstration fits, below the second a corpus of a few gigabytes does not.
DISK_FAIL_GB, DISK_WARN_GB = 1, 10

# A worker process with Beam, pyarrow and the kernels holds about 0.5 GB; importing TensorFlow or
# JAX adds about 1 GB.
MEMORY_WARN_GB = 4

PROBE_TIMEOUT_S = 90.0

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# What the readers meet in the wild; a build of FFmpeg may lack any of them.
CODECS = ("h264", "hevc", "vp8", "vp9", "av1", "aac", "mp3", "opus", "vorbis", "flac")

ROLES = {
    "dataflow": "the dataflow engine",
    "dev": "tests and linters",
    "media": "images, audio and video",
    "model": "training, ablations and evaluation",
    "notebook": "tables in a notebook",
    "tensorflow": "TFRecord and TFDS",
}


@dataclasses.dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    `found` says what is there. `fix` is the one line that would make it ok, or empty if it is.
    """

    name: str
    status: Status
    found: str
    fix: str = ""


def diagnose(folder: pathlib.Path | str = ".") -> list[Check]:
    """Looks at everything, in a few seconds.

    Args:
        folder: where runs will be written; its disk is the one that is measured.
    """
    # The slow ones wait for a process each, so they run beside each other.
    probes: Sequence[Callable[[], Check]] = (_fasttext, _ffmpeg, _dataflow, _jax_devices)
    with concurrent.futures.ThreadPoolExecutor(len(probes)) as pool:
        waiting = [pool.submit(probe) for probe in probes]
        quick = [_python(), _utf8(), *_packages(), _pillow(), _cores(), _memory()]
        quick += [_disk(pathlib.Path(folder)), _numba_cache(), _browser()]
        quick += [_local_engine(), _other_engines()]
        return [*quick, *(probe.result() for probe in waiting)]


def render(checks: Sequence[Check]) -> str:
    """The checks as aligned lines, fixes below what they fix, and a closing count.

    The status is coloured; `click.echo` takes the colours out where they are not wanted.
    """
    colours = {"ok": "green", "warn": "yellow", "fail": "red"}
    width = max((len(check.name) for check in checks), default=0)
    lines = []
    for check in checks:
        status = click.style(f"{check.status:<4}", fg=colours[check.status])
        lines.append(f"{status}  {check.name:<{width}}  {check.found}")
        if check.fix:
            lines.append(f"{'':<{width + 8}}-> {check.fix}")
    count = {s: sum(check.status == s for check in checks) for s in colours}
    lines.append(f"{count['ok']} ok, {count['warn']} warnings, {count['fail']} failed")
    return "\n".join(lines)


def exit_code(checks: Iterable[Check]) -> int:
    """0 if nothing failed, else 1; a warning is not a failure."""
    return int(any(check.status == "fail" for check in checks))


def _python() -> Check:
    version, found = sys.version_info[:2], platform.python_version()
    if version == TESTED_PYTHON:
        return Check("python", "ok", found)
    tested = ".".join(map(str, TESTED_PYTHON))
    status: Status = "fail" if version < TESTED_PYTHON else "warn"
    fix = f"make clean && make setup PYTHON=python{tested}"
    return Check("python", status, f"{found}; Castor and its lock are tested on {tested}", fix)


def _utf8() -> Check:
    """Files are always opened as UTF-8; this is about what is printed and about file names."""
    got = {
        "text": locale.getpreferredencoding(False),
        "output": getattr(sys.stdout, "encoding", None) or "utf-8",
        "file names": sys.getfilesystemencoding(),
    }
    wrong = [f"{what} in {it}" for what, it in got.items() if codecs.lookup(it).name != "utf-8"]
    if not wrong:
        return Check("locale", "ok", "UTF-8")
    return Check("locale", "warn", ", ".join(wrong), "export LC_ALL=C.UTF-8 PYTHONUTF8=1")


def _packages() -> list[Check]:
    """Each declared dependency, read from Castor's own metadata: there is no second list."""
    try:
        declared = importlib.metadata.requires("castor") or []
        about = importlib.metadata.metadata("castor")
    except importlib.metadata.PackageNotFoundError:
        return [Check("castor", "fail", "running, but not installed", "make setup")]
    extras = about.get_all("Provides-Extra") or []
    checks = [Check("castor", "ok", about["Version"])]
    for line in declared:
        need = Requirement(line)
        extra = _extra_of(need, extras)
        if need.name == "castor" or extra == "all":
            continue
        if need.marker and not need.marker.evaluate({"extra": extra or ""}):
            continue
        # apache-beam[gcp] is the base's apache-beam again; the dataflow engine tries it out
        if not need.extras:
            checks.append(_package(need, extra))
    return checks


def _extra_of(need: Requirement, extras: Iterable[str]) -> str | None:
    """The extra that a line of metadata belongs to; None for the base install."""
    if need.marker is None or need.marker.evaluate({"extra": ""}):
        return None
    return next((e for e in extras if need.marker.evaluate({"extra": e})), None)


def _package(need: Requirement, extra: str | None) -> Check:
    wanted = f"{need.name}{need.specifier}"
    fix = f"pip install 'castor[{extra}]'" if extra else f"pip install '{wanted}'"
    role = f" (for {ROLES.get(extra, extra)})" if extra else ""
    status: Status = "warn" if extra else "fail"
    version = _version(need.name)
    if version is None:
        return Check(need.name, status, f"not installed{role}", fix)
    if not need.specifier.contains(version, prereleases=True):
        return Check(need.name, status, f"{version}, needs {need.specifier}{role}", fix)
    return Check(need.name, "ok", version)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def _pillow() -> Check:
    name, version = "image decoders", _version("pillow")
    if version is None:
        return Check(name, "warn", "no pillow", "pip install 'castor[media]'")
    if Version(version) >= PILLOW_FIX:
        return Check(name, "ok", f"pillow {version} has the decoder fixes of {PILLOW_FIX}")
    # --no-deps: the resolver would refuse it for Beam's bound, which is not needed
    fix = f"pip install --no-deps 'pillow>={PILLOW_FIX}'"
    faults = f"pillow {version} has critical decoder faults, fixed in {PILLOW_FIX}"
    return Check(name, "warn", f"{faults}; do not open strangers' images with it", fix)


def _cores() -> Check:
    cores = len(os.sched_getaffinity(0))
    quota, _, period = _read("/sys/fs/cgroup/cpu.max").partition(" ")
    if quota.isdigit() and period.strip().isdigit():
        allowed = int(quota) / int(period)
        if allowed < cores:
            return Check("cores", "ok", f"{allowed:g} of {cores}, by the container's quota")
    return Check("cores", "ok", str(cores))


def _memory() -> Check:
    import psutil

    free = psutil.virtual_memory().available
    limit = _read("/sys/fs/cgroup/memory.max").strip()
    used = _read("/sys/fs/cgroup/memory.current").strip()
    if limit.isdigit() and used.isdigit():
        free = min(free, max(0, int(limit) - int(used)))
    found = f"{free / 1e9:.1f} GB available"
    if free >= MEMORY_WARN_GB * 1e9:
        return Check("memory", "ok", found)
    found += "; a worker takes about 0.5 GB"
    return Check("memory", "warn", found, "castor run … --workers 1")


def _read(path: str) -> str:
    """The text of a file of the kernel's; empty where this kernel has none."""
    try:
        return pathlib.Path(path).read_text("ascii")
    except OSError:
        return ""


def _disk(folder: pathlib.Path) -> Check:
    """The disk a folder is on, or will be: the nearest parent that exists."""
    folder = folder.resolve()
    there = next(p for p in (folder, *folder.parents) if p.exists())
    if not _can_write(there):
        return Check("disk", "fail", f"cannot write in {there}", "give runs another OUT folder")
    free = shutil.disk_usage(there).free
    found = f"{free / 1e9:.1f} GB free in {there}"
    if free >= DISK_WARN_GB * 1e9:
        return Check("disk", "ok", found)
    status: Status = "fail" if free < DISK_FAIL_GB * 1e9 else "warn"
    return Check("disk", status, found, "free some, or give runs an OUT folder on another disk")


def _numba_cache() -> Check:
    """Where compiled kernels are kept, in the order in which numba tries the places."""
    name = "kernel cache"
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        places = [pathlib.Path(named)]
    else:
        beside = pathlib.Path(__file__).resolve().parent.parent / "filters" / "kernels"
        cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
        places = [beside / "__pycache__", pathlib.Path(cache) / "numba"]
    place = next(filter(_can_write, places), None)
    if place is not None:
        return Check(name, "ok", f"writable: {place}")
    found = f"cannot write in {', '.join(map(str, places))}: kernels compile anew at every start"
    return Check(name, "warn", found, "export NUMBA_CACHE_DIR=/tmp/castor-numba")


def _can_write(folder: pathlib.Path) -> bool:
    """Tried out, because permission bits say little for root or on a read-only disk."""
    there = next(p for p in (folder, *folder.parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            return True
    except OSError:
        return False


def _browser() -> Check:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found:
        return Check("chromium", "ok", found)
    found = "not found (only for the tests of reports)"
    return Check("chromium", "warn", found, "apt-get install chromium")


def _local_engine() -> Check:
    version = _version("apache-beam")
    if version is None:
        return Check("engine local", "fail", "no apache-beam", "pip install 'apache-beam>=2.76'")
    return Check("engine local", "ok", f"apache-beam {version}, on this machine")


def _other_engines() -> Check:
    java = "java is there" if shutil.which("java") else "no java"
    found = f"not yet supported by this version ({java})"
    fix = "castor run … --runner local, or dataflow for scale"
    return Check("engines flink, spark, prism", "warn", found, fix)


def _try(code: str) -> tuple[bool, str]:
    """Runs code in a process of its own; whether it worked, and its last line or its error's."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PROBE_TIMEOUT_S,
            # TensorFlow and JAX greet on stderr, which would pass for an error's last line
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONIOENCODING": "utf-8"},
        )
    except subprocess.TimeoutExpired:
        return False, f"no answer in {PROBE_TIMEOUT_S:g} s"
    if done.returncode < 0:
        return False, f"died of signal {-done.returncode}"
    text = done.stderr if done.returncode else done.stdout
    return done.returncode == 0, (text.strip().splitlines() or ["no output"])[-1]


# A wheel built for numpy 1 fails in predict. Some leave most of the first matrix as they found the
# memory, so that training gives other weights each time: fresh pages show that as rows of zeros.
_TRY_FASTTEXT = """
import os, tempfile, numpy, fasttext
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "rows.txt")
    with open(path, "w", encoding="utf-8") as file:
        file.write("__label__en the cat sat\\n__label__de die Katze lag\\n" * 8)
    model = fasttext.train_supervised(path, dim=4, thread=1, verbose=0, maxn=3, bucket=200_000)
    (label,), (score,) = model.predict("the cat sat")
assert label.startswith("__label__") and 0 < score < 1.01, (label, score)
zero = (model.get_input_matrix() == 0).all(axis=1).mean()
assert zero < 0.01, f"this build leaves {zero:.0%} of the weights uninitialised"
print("trains and predicts with numpy", numpy.__version__)
"""


def _fasttext() -> Check:
    name = "fasttext predicts"
    worked, found = _try(_TRY_FASTTEXT)
    if worked:
        return Check(name, "ok", found)
    others = "pip uninstall -y fasttext fasttext-wheel fasttext-numpy2-wheel"
    fix = f"{others}; pip install --force-reinstall --no-deps fasttext-community"
    return Check(name, "fail", found, fix)


_TRY_FFMPEG = f"""
import av
lacks = [c for c in {CODECS!r} if c not in av.codecs_available]
print(av.ffmpeg_version_info + "|" + " ".join(lacks))
"""


def _ffmpeg() -> Check:
    if _version("av") is None:
        return Check("ffmpeg", "warn", "no av (PyAV)", "pip install 'castor[media]'")
    worked, found = _try(_TRY_FFMPEG)
    fix = "pip install --force-reinstall --only-binary :all: av"
    if not worked:
        return Check("ffmpeg", "fail", found, fix)
    version, _, lacks = found.partition("|")
    if lacks:
        return Check("ffmpeg", "warn", f"{version} in av, without {lacks}", fix)
    return Check("ffmpeg", "ok", f"{version} in av, with {' '.join(CODECS)}")


_TRY_DATAFLOW = """
from apache_beam.runners.dataflow.internal import apiclient
from apache_beam.io.gcp import gcsio
import google.cloud.storage, google.auth
print("apache-beam[gcp] imports: jobs can be built here; to submit one takes a project and a login")
"""


def _dataflow() -> Check:
    worked, found = _try(_TRY_DATAFLOW)
    if worked:
        return Check("engine dataflow", "ok", found)
    return Check("engine dataflow", "warn", found, "pip install 'apache-beam[gcp]>=2.76'")


_TRY_JAX = """
import collections, jax
kinds = collections.Counter(d.device_kind for d in jax.devices())
print(jax.default_backend() + "|" + ", ".join(f"{n} x {kind}" for kind, n in kinds.items()))
"""


def _jax_devices() -> Check:
    name = "devices for jax"
    if _version("jax") is None:
        return Check(name, "warn", "no jax", "pip install 'castor[model]'")
    worked, found = _try(_TRY_JAX)
    if not worked:
        return Check(name, "fail", found, "export JAX_PLATFORMS=cpu")
    backend, _, devices = found.partition("|")
    if backend == "cpu" and pathlib.Path("/dev/nvidiactl").exists():
        fix = "pip install 'jax[cuda12]'"
        return Check(name, "warn", f"{devices}, though there is an NVIDIA driver", fix)
    return Check(name, "ok", f"{backend}: {devices}")
