"""Source trees: every file once, its language, and the licence that is nearest to it."""

import functools
import json
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import items_of, write_tar

from castor.filters import spdx
from castor.filters.reasons import Reason, Skip
from castor.filters.record import Modality, Record
from castor.pipelines.source import Rejected, Skipped
from castor.pipelines.sources import _licence, _licence_tree
from castor.pipelines.sources._code_language import NAMES, SUFFIXES, language_of

MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software "
    'and associated documentation files (the "Software"), to deal in the Software without '
    "restriction... The above copyright notice and this permission notice shall be included in all "
    "copies or substantial portions of the Software."
)
GPL3 = (
    "GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007\n"
    + "terms " * 900
    + ("How to apply: either version 3 of the License, or (at your option) any later version.")
)
GPL_HEADER = """/* This program is free software; you can redistribute it and/or modify
 * it under the terms of the GNU General Public License as published by
 * the Free Software Foundation; either version 2 of the License, or
 * (at your option) any later version. */
"""
BSD3 = (
    "Redistributions of source code must retain the above copyright notice. Redistributions in "
    "binary form must reproduce it. Neither the name of the holder may be used to endorse or "
    "promote products derived from this software."
)


items = functools.partial(items_of, "code")


def records(root, name):
    return {i.meta["path"]: i for i in items(root, name) if isinstance(i, Record)}


def of_tree(tmp_path, files):
    """Licence and its source of each file, from a tar and from folders; both must agree."""
    write_tar(tmp_path / "r.tar.xz", files, "w:xz")
    found = records(tmp_path, "r.tar.xz")
    stated = {p: (r.meta.get("licence"), r.meta["licence_source"]) for p, r in found.items()}
    root = tmp_path / "folders"
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(data)
    for name in files:
        for item in items(root, name):
            if isinstance(item, Record):
                facts = (item.meta.get("licence"), item.meta["licence_source"])
                assert facts == stated[name], name
    return stated


def test_the_nearest_licence_wins(tmp_path):
    # The licence files come after the sources, and a vendored one beats the root's.
    stated = of_tree(
        tmp_path,
        {
            "src/main.py": "print('hello')\n",
            "vendor/lib/deep/a.c": "int a;\n",
            "vendor/lib/tagged.c": "// SPDX-License-Identifier: ISC\nint b;\n",
            "own/header.c": GPL_HEADER + "int c;\n",
            "odd/x.js": "var x;\n",
            "pkg/index.js": "var y;\n",
            "closed/z.js": "var z;\n",
            "closed/package.json": '{"license": "UNLICENSED"}\n',
            "pkg/package.json": '{"license": "(MIT OR Apache-2.0)"}\n',
            "odd/LICENSE": "You may look at this on Sundays.\n",
            "third_party/bare/a.c": "int a;\n",
            "Src/ThirdParty/bare.c": "int a;\n",
            "vendor/lib/node_modules/m/i.js": "var i;\n",
            "js/jquery-1.2.min.js": "var jQuery;\n",
            "vendor/lib/COPYING": GPL3,
            "LICENSE": MIT,
        },
    )
    assert stated == {
        "src/main.py": ("MIT", "file:LICENSE"),
        "vendor/lib/deep/a.c": ("GPL-3.0-only", "file:vendor/lib/COPYING"),
        "vendor/lib/tagged.c": ("ISC", "spdx_tag"),
        "own/header.c": ("GPL-2.0-or-later", "header"),
        "odd/x.js": (None, "file:odd/LICENSE"),
        "pkg/index.js": ("MIT OR Apache-2.0", "file:pkg/package.json"),
        "pkg/package.json": ("MIT OR Apache-2.0", "file:pkg/package.json"),
        "closed/z.js": (None, "file:closed/package.json"),
        "closed/package.json": (None, "file:closed/package.json"),
        # Neither stands under the licence of the repository around it.
        "third_party/bare/a.c": (None, "none"),
        "Src/ThirdParty/bare.c": (None, "none"),
        "vendor/lib/node_modules/m/i.js": (None, "none"),
        "js/jquery-1.2.min.js": (None, "none"),
    }


def test_without_any_licence_nothing_is_claimed(tmp_path):
    assert of_tree(tmp_path, {"a/b.py": "x = 1\n"}) == {"a/b.py": (None, "none")}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"LICENSE-MIT": MIT, "LICENSE-APACHE": "Apache License Version 2.0, January 2004"},
         "Apache-2.0 OR MIT"),
        ({"COPYING": GPL3, "COPYING.LESSER": "GNU LESSER GENERAL PUBLIC LICENSE Version 3, "
          "29 June 2007"}, "LGPL-3.0-only"),
        ({"LICENSE": GPL3 + "\nGNU LESSER GENERAL PUBLIC LICENSE\nVersion 3, 29 June 2007"},
         "LGPL-3.0-only"),
        ({"COPYING": GPL_HEADER + "GNU GENERAL PUBLIC LICENSE Version 2, June 1991"},
         "GPL-2.0-or-later"),
        ({"LICENSE": MIT, "COPYING": BSD3}, "BSD-3-Clause AND MIT"),
        ({"LICENSE": MIT, "COPYRIGHT": "Copyright 2020 somebody"}, "MIT"),
        ({"pyproject.toml": '[project]\nlicense = {text = "BSD-3-Clause"}\n'}, "BSD-3-Clause"),
        ({"pyproject.toml": '[project]\nclassifiers = ["License :: OSI Approved :: MIT License"]'},
         "MIT"),
        ({"Cargo.toml": '[package]\nlicense = "MIT/Apache-2.0"\n'}, "MIT OR Apache-2.0"),
        ({"setup.cfg": "[metadata]\nlicense = GPLv3+\n"}, "GPL-3.0-or-later"),
        ({"x.cabal": "name: x\nlicense: GPL-3\n"}, "GPL-3.0-only"),
        ({"package.json": "{broken"}, "nothing"),
        ({"package.json": '{"license": "SEE LICENSE IN x"}'}, "nothing"),
        ({"Cargo.toml": "[package]\nlicense.workspace = true\n"}, "nothing"),
    ],
)  # fmt: skip
def test_what_a_folder_states(files, expected):
    stated = _licence_tree.of_folder("", files)
    assert ("nothing" if stated is None else stated.licence) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# SPDX-License-Identifier: Apache-2.0 OR MIT\n", "Apache-2.0 OR MIT"),
        ("/* SPDX-License-Identifier: GPL-2.0 */", "GPL-2.0-only"),
        ("<!-- SPDX-License-Identifier: CC0-1.0 -->", "CC0-1.0"),
        ("SPDX-License-Identifier: MIT\nSPDX-License-Identifier: ISC\n", "MIT AND ISC"),
        ('TAG = "SPDX-License-Identifier: (.*)"', None),
        ("no tag", None),
    ],
)
def test_tags(text, expected):
    found = _licence.of_tags(text)
    assert (found and spdx.render(found)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GPL_HEADER, "GPL-2.0-or-later"),
        (GPL_HEADER.replace("General Public", "Lesser General Public").replace("version 2",
         "version 2.1"), "LGPL-2.1-or-later"),
        ("# under the terms of the GNU General Public License version 2 as\n# published by the Free"
         " Software Foundation.\n", "GPL-2.0-only"),
        ("# under the terms of version 3 of the GNU Affero General Public License\n",
         "AGPL-3.0-only"),
        ("// Licensed under the Apache License, Version 2.0 (the \"License\");", "Apache-2.0"),
        ("/*! x v1 | Released under the MIT license | x.org */", "MIT"),
        ("/* @license MIT */", "MIT"),
        ('__license__ = "GNU AGPL v3"', "AGPL-3.0-only"),
        (" * @license GPLv2 or later", "GPL-2.0-or-later"),
        ("/* Dual licensed under the MIT and GPL-2.0 licenses. */", "MIT OR GPL-2.0-only"),
        ("# This Source Code Form is subject to the terms of the Mozilla Public\n"
         "# License, v. 2.0.", "MPL-2.0"),
        ("# Distributed under the Boost Software License, Version 1.0.", "BSL-1.0"),
        ("# " + MIT, "MIT"),
        ("# " + BSD3, "BSD-3-Clause"),
        ("# " + BSD3.split("Neither")[0], "BSD-2-Clause"),
        ("# Permission to use, copy, modify, and/or distribute this software for any purpose with\n"
         "# or without fee is hereby granted, provided that the above copyright notice", "ISC"),
        ("This library is free software; the same terms as Perl itself.",
         "Artistic-1.0-Perl OR GPL-1.0-or-later"),
        ("# governed by a BSD-style license that can be found in the LICENSE file", None),
        ("# tiles <a href='https://creativecommons.org/licenses/by-sa/2.0/'>CC</a> OSM", None),
        ("def licence_of(path): return None", None),
        ("x = 1\n" * 3000 + GPL_HEADER, None),
    ],
)  # fmt: skip
def test_headers(text, expected):
    found = _licence.of_header(text)
    assert (found and spdx.render(found)) == expected


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a/b.py", "", "Python"),
        ("CMakeLists.txt", "", "CMake"),
        ("a.txt", "", "Text"),
        ("run", "#!/usr/bin/env -S python3.11 -u\n", "Python"),
        ("run", "#!/bin/sh\n", "Shell"),
        ("run", "echo\n", None),
        ("x.h", "int f(void);", "C"),
        ("x.h", "namespace a {\n", "C++"),
        ("x.m", "#import <a.h>\n", "Objective-C"),
        ("x.m", "function y = f(x)\n", "MATLAB"),
        ("x.ts", "let a: number", "TypeScript"),
        ("config.h.in", "", "C"),
        ("Dockerfile.dev", "", "Dockerfile"),
        ("go.mod", "", "Go Module"),
        ("A.PY", "", "Python"),
        ("run", "# -*- mode: ruby -*-\n", "Ruby"),
        ("run", "x\n" * 9 + "# vim: set ft=perl :\n", "Perl"),
        ("page", "<!DOCTYPE html>\n<p>x</p>", "HTML"),
        ("data", '{"a": [1, 2]}', "JSON"),
        ("data", "{ a block }", None),
        ("x.asm", "  move.l d0,(a1)+\n", "Motorola 68K Assembly"),
        ("x.asm", "  mov eax, 1\n", "Assembly"),
        ("x.1", ".TH X 1\n", "Roff Manpage"),
        ("x.1", "plain words\n", None),
        ("x.pro", "# keep\n-keep class a.b\n", "Proguard"),
        ("x.pro", "a(X) :- b(X).\n", "Prolog"),
        ("x.owl", "", "Web Ontology Language"),
        ("x.dot", "", "Graphviz (DOT)"),
        ("x.smt2", "", "SMT"),
    ],
)
def test_language(path, text, expected):
    assert language_of(path, text) == expected


def test_there_are_languages_enough():
    assert len({*SUFFIXES.values(), *NAMES.values()}) > 150


def test_kinds_of_members(tmp_path):
    files = {
        "r/a.py": "x = 1\r\ny = 2\r\n",
        "r/empty.py": "",
        "r/blank.py": " \n",
        "r/logo.png": b"\x89PNG\r\n",
        "r/blob": b"text " * 200 + b"\0",
        "r/LICENSE": MIT,
        "r/latin.py": "# é ".encode("latin-1") * 30,
        "r/utf16.txt": "hello".encode("utf-16"),
        "r/big.py": "x" * 2001,
        "r/node_modules/m/i.js": "var m;",
        "../up.py": "x",
    }
    write_tar(tmp_path / "r.tar.xz", files, "w:xz")
    found = items(tmp_path, "r.tar.xz", max_document_bytes=2000)
    skips = [i.reason for i in found if isinstance(i, Skipped)]
    assert skips == [Skip.OTHER_KIND, Skip.OTHER_KIND, Skip.SIDECAR]
    rejected = {i.place: i.reason for i in found if isinstance(i, Rejected)}
    assert rejected == {
        "r/empty.py": Reason.EMPTY,
        "r/blank.py": Reason.NO_TEXT,
        "r/big.py": Reason.TOO_LARGE,
        "../up.py": Reason.UNSAFE,
    }
    kept = {i.meta["path"]: i for i in found if isinstance(i, Record)}
    assert set(kept) == {"r/a.py", "r/latin.py", "r/utf16.txt", "r/node_modules/m/i.js"}
    first = kept["r/a.py"]
    assert (first.key, first.modality, first.text) == (
        "code:r.tar.xz@r/a.py",
        Modality.CODE,
        "x = 1\ny = 2\n",
    )
    assert first.meta["repository"] == "r"
    assert first.meta["file_language"] == "Python"
    assert kept["r/utf16.txt"].text == "hello"


def test_a_file_in_folders(tmp_path):
    (tmp_path / "repo" / "src").mkdir(parents=True)
    (tmp_path / "repo" / "src" / "a.go").write_text("package a\n")
    (item,) = items(tmp_path, "repo/src/a.go")
    assert item.key == "code:repo/src/a.go"
    assert item.meta["repository"] == "repo"
    assert item.meta["file_language"] == "Go"


def test_zip_and_its_licence(tmp_path):
    with zipfile.ZipFile(tmp_path / "r.zip", "w") as archive:
        archive.writestr("a.rb", "puts 1\n")
        archive.writestr("COPYING", GPL3)
    assert records(tmp_path, "r.zip")["a.rb"].meta["licence"] == "GPL-3.0-only"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["a.py", "LICENSE.md", "n.ipynb", "package.json"]))
def test_any_bytes_give_one_item(tmp_path_factory, data, name):
    folder = tmp_path_factory.mktemp("any")
    (folder / name).write_bytes(data)
    assert len(items(folder, name)) == 1


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300))
def test_any_text_has_a_licence_or_none(text):
    for read in (_licence.of_tags, _licence.of_header, _licence.of_licence_file, _licence.of_name):
        found = read(text)
        assert found is None or spdx.parse(spdx.render(found)) is not None


def test_the_kit_states_what_its_repositories_state(kit):
    """The licence of most of a repository's files is of the family that the kit expects."""
    expected = [json.loads(line) for line in (kit / "code/repos.jsonl").open()]
    for repository in (e for e in expected if e["archive"].split("/")[1] in _SMALL):
        found = records(kit, repository["archive"])
        stated = [r.meta.get("licence") for r in found.values()]
        family = (repository["licence"] or "None").split("-or")[0].split("-only")[0]
        agree = sum(str(s).startswith(family) for s in stated)
        assert agree >= 0.95 * len(stated), repository["archive"]


_SMALL = {
    "click.tar.xz",
    "shellcheck.tar.xz",
    "udhr-website.tar.xz",
    "speechbrain-notebooks.tar.xz",
}
