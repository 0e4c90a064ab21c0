"""Raw code: source trees of installed packages with their licences, and planted bad files."""

from __future__ import annotations

import pathlib
import random

from castor.pipelines.demo import archives, machine, prose
from castor.pipelines.demo.archives import Member
from castor.pipelines.demo.benchmarks import Item
from castor.pipelines.demo.ledger import FOUND, MADE, Ledger

# Small, readable, under permissive licences, and all needed by Castor itself.
_TREES = (
    ("click", "tar"),
    ("jinja2", "zip"),
    ("rich", "tar"),
    ("datasketch", "folder"),
    ("joblib", "tar"),
    ("requests", "zip"),
    ("fsspec", "tar"),
    ("pyparsing", "zip"),
    ("aiohttp", "tar"),
)
_SUFFIXES = frozenset(
    (
        *(".py", ".pyi", ".pyx", ".pxd", ".c", ".h", ".cpp", ".hpp", ".js", ".css", ".json"),
        *(".toml", ".cfg", ".md", ".rst", ".txt", ".sh"),
    )
)
_RESULTS = ("total", "-total", "total / 2", "math.log(total)")
_GPL = """# Copyright (C) 2024 The Made Project
#
# This program is free software: you can redistribute it and/or modify it under the terms of
# the GNU General Public License as published by the Free Software Foundation, either version
# 3 of the License, or (at your option) any later version.
#
# SPDX-License-Identifier: GPL-3.0-or-later
"""
_MIT = """MIT License

Copyright (c) 2024 The Made Project

Permission is hereby granted, free of charge, to any person obtaining a copy of this software
and associated documentation files (the "Software"), to deal in the Software without
restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the
Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING
BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def write(ledger: Ledger, budget: int, questions: tuple[Item, ...]) -> None:
    """Writes source trees of about `budget` bytes as archives and as a folder."""
    used = 0
    for package, form in _TREES:
        members = _tree(package)
        size = sum(len(data) for _, data in members)
        if not members or used + size > budget:
            continue
        used += size
        _pack(ledger, f"found-{package}", members, form)
        ledger.count("code", FOUND, size, len(members))
    if not used:
        ledger.note("code: no source trees found on this machine; all code is made")
    project = _project(ledger, questions)
    _pack(ledger, "made-project", project, "tar")
    _bad(ledger)


def _tree(package: str) -> list[Member]:
    """The package's sources and licences under `<name>-<version>/`."""
    folder = machine.packages_folder() / package
    about = next((d for d in machine.distributions() if d.name.lower() == package), None)
    if about is None or not folder.is_dir():
        return []
    root = f"{package}-{about.version}"
    members = [(f"{root}/{p.name}", p.read_bytes()) for p in about.licences[:4]]
    for path in machine.files(folder, _SUFFIXES, limit=400):
        name = path.relative_to(folder.parent).as_posix()
        members.append((f"{root}/{name}", path.read_bytes()))
    return members


def _pack(ledger: Ledger, name: str, members: list[Member], form: str) -> None:
    if form == "tar":
        ledger.write(f"code/{name}.tar.gz", archives.tar(members, compress=True))
    elif form == "zip":
        ledger.write(f"code/{name}.zip", archives.zipped(members))
    else:
        for path, data in members:
            ledger.write(f"code/{name}/{pathlib.PurePosixPath(path).as_posix()}", data)


def _project(ledger: Ledger, questions: tuple[Item, ...]) -> list[Member]:
    """A made repository with one of everything that a code filter has to see."""
    archive = "made-project.tar.gz"
    good = _module("lodge", 24)
    leak = questions[23]
    leaky = _module("quiz", 10) + f'\n\nQUESTION = """\n{leak.question}\n"""\n'
    rng = random.Random("castor demo code")
    minified = (
        "!function(){" + "".join(f"var a{i}=b({i},a{i - 1});" for i in range(1, 3000)) + "}();"
    )
    table = "TABLE = [\n" + "".join(f"    {rng.randrange(10**9)},\n" for _ in range(3000)) + "]\n"
    generated = (
        "# This file was automatically generated from wire.proto. Do not edit it.\n"
        + _module("pb", 8)
    )
    gone = ("dropped", "rejected", "skipped")
    entries: tuple[tuple[str, str | bytes, tuple[str, ...], str], ...] = (
        ("LICENSE", _MIT, ("kept", "dropped", "skipped"), "the licence of the tree"),
        ("src/lodge.py", good, ("kept",), "a good source file"),
        ("src/lodge_copy.py", good, ("duplicate",), "the same file again"),
        ("src/quiz.py", leaky, ("contaminated",), "a benchmark question in a string"),
        ("static/app.min.js", minified, gone, "minified JavaScript"),
        ("src/wire_pb2.py", generated, gone, "generated code"),
        ("src/table.py", table, gone, "a table of numbers"),
        ("src/empty.py", "", gone, "an empty file"),
        ("src/core.so", b"\x7fELF" + rng.randbytes(4000), gone, "a binary"),
        ("src/wrong.py", rng.randbytes(3000), gone, "a binary under the name of a source file"),
        (
            "vendor/gpl/dam.py",
            _GPL + "\n\n" + _module("dam", 16),
            ("kept", "dropped"),
            "a vendored file under another licence than the tree's",
        ),
    )
    members = []
    for name, text, outcome, why in entries:
        data = text if isinstance(text, bytes) else text.encode()
        member = f"made-project-1.0/{name}"
        members.append((member, data))
        ledger.count("code", MADE, len(data))
        copied = "made-project-1.0/src/lodge.py" if name == "src/lodge_copy.py" else None
        item = leak.id if name == "src/quiz.py" else None
        ledger.plant("code", archive, member, outcome, why, of=copied, item=item)
    return members


def _module(name: str, n_functions: int) -> str:
    """A plausible Python module with comments, no two functions alike."""
    rng = random.Random(f"castor demo module {name}")
    out = [f'"""Helpers for the {name}: made for the demonstration."""\n\nimport math\n']
    for i in range(n_functions):
        factor, limit = rng.randint(2, 90), rng.randint(100, 999)
        out.append(
            f"\ndef {name}_step_{i}(width: float, depth: int) -> float:\n"
            f'    """{prose.sentence(rng)}"""\n'
            f"    total = {float(factor)}\n"
            f"    for level in range(depth):\n"
            f"        # {prose.sentence(rng)[:70]}\n"
            f"        total += math.sqrt(width * {factor} + level)\n"
            f"        if total > {limit}:\n"
            f"            return {rng.choice(_RESULTS)}\n"
            f"    return total - {rng.randint(1, 9)} * depth\n"
        )
    return "\n".join(out)


def _bad(ledger: Ledger) -> None:
    """Archives that climb out of their folder, break off, or are encrypted."""
    evil = archives.tar(
        [
            ("made-evil/ok.py", _module("ok", 6).encode()),
            ("../../made-evil.py", b"print('outside')\n"),
        ],
        compress=True,
    )
    locked = archives.locked(archives.zipped([("locked/a.py", _module("a", 4).encode())]))
    whole = archives.zipped([("cut/a.py", _module("cut", 30).encode())])
    for name, data, place, reason, why in (
        ("made-evil.tar.gz", evil, "../../made-evil.py", "unsafe", "a path that climbs out"),
        ("made-locked.zip", locked, "", "encrypted", "an encrypted archive"),
        ("made-cut.zip", whole[: len(whole) // 2], "", None, "an archive cut in half"),
    ):
        ledger.write(f"code/{name}", data)
        ledger.count("code", MADE, len(data))
        ledger.plant("code", name, place, "rejected", why, reason=reason)
