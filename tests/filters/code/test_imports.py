"""The import graph: in each language, who needs whom."""

import time

import pytest

from castor.filters.code.imports import SourceFile, graph
from castor.filters.code.imports.rust import _paths


def edges(language, files, languages=None):
    """path -> the paths that it needs, of files in one language (others by path)."""
    found = [
        SourceFile(path, (languages or {}).get(path, language), text)
        for path, text in files.items()
    ]
    return {
        f.path: [found[k].path for k in needs]
        for f, needs in zip(found, graph(found), strict=True)
        if needs
    }


CASES = [
    ("Python", {
        "p/__init__.py": "",
        "p/a.py": "import os, p.b\nfrom . import c\nfrom .sub import d as e\nfrom ..p import x\n",
        "p/b.py": "from p.sub.d import (\n    one,  # comment\n    two,\n)\n",
        "p/c.py": "def f():\n    import p.b as q\n",
        "p/sub/__init__.py": "",
        "p/sub/d.py": "from .. import b\nfrom .import x\nfrom ..c import f\n",
    }, {
        "p/a.py": ["p/__init__.py", "p/b.py", "p/c.py", "p/sub/d.py"],
        "p/b.py": ["p/sub/d.py"],
        "p/c.py": ["p/b.py"],
        "p/sub/d.py": ["p/b.py", "p/c.py", "p/sub/__init__.py"],
    }),
    ("JavaScript", {
        "src/a.js": "import x, {y} from './b.js'\nconst z = require('../lib/c')\n"
                    "export * from './d'\n"
                    "import 'react'\nimport(`./e.mjs`)\n",
        "src/b.js": "", "lib/c/index.js": "", "src/d.js": "", "src/e.mjs": "", "react.js": "",
    }, {"src/a.js": ["src/b.js", "lib/c/index.js", "src/d.js", "src/e.mjs"]}),
    ("TypeScript", {
        "a.ts": "import type {A} from './b.js';\nimport {\n  x,\n} from './c';\n",
        "b.ts": "", "c.tsx": "import './a'\n",
    }, {"a.ts": ["b.ts", "c.tsx"], "c.tsx": ["a.ts"]}),
    ("C", {
        "src/a.c": '#include <stdio.h>\n#include "a.h"\n  # include "x/b.h"\n#include <lib/c.h>\n',
        "src/a.h": "", "include/x/b.h": "", "include/lib/c.h": "", "stdio.h": "",
    }, {"src/a.c": ["src/a.h", "include/x/b.h", "include/lib/c.h"]}),
    ("Java", {
        "s/a/A.java": "package s.a;\nimport s.b.B;\nimport static s.c.C.run;\nimport s.d.*;\n"
                      "public class A extends Near { D d; }\n",
        "s/a/Near.java": "package s.a;\nclass Near {}\n",
        "s/b/B.java": "package s.b;\npublic final class B {}\n",
        "s/c/C.java": "package s.c;\npublic class C { static void run() {} }\n",
        "s/d/D.java": "package s.d;\n@Deprecated\npublic interface D {}\n",
        "s/d/Unused.java": "package s.d;\npublic interface Unused {}\n",
    }, {"s/a/A.java": ["s/a/Near.java", "s/b/B.java", "s/c/C.java", "s/d/D.java"]}),
    ("Kotlin", {
        "a.kt": "package x\nimport y.helper\nimport y.Thing\nfun main() = helper(Thing())\n",
        "b.kt": "package y\nfun helper(t: Thing) {}\n",
        "c.kt": "package y\ndata class Thing(val n: Int = 0)\n",
    }, {"a.kt": ["b.kt", "c.kt"], "b.kt": ["c.kt"]}),
    ("Scala", {
        "a.scala": "package x\nimport y.{One, Two => Other}\nobject Main\n",
        "b.scala": "package y\ncase class One(n: Int)\n",
        "c.scala": "package y\ntrait Two\n",
    }, {"a.scala": ["b.scala", "c.scala"]}),
    ("C#", {
        "A.cs": "using System;\nusing My.Tools;\nnamespace My.App { class A { Tool t; } }\n",
        "T.cs": "namespace My.Tools\n{\n    public sealed class Tool {}\n}\n",
        "U.cs": "namespace My.Tools;\npublic class Unused {}\n",
    }, {"A.cs": ["T.cs"]}),
    ("Go", {
        "cmd/main.go": 'package main\n\nimport (\n\t"fmt"\n\t"example.com/m/lib/fmt"\n'
                       '\tx "example.com/m/lib"\n)\n'
                       "func main() { x.Run(); fmt.Print() }\n",
        "cmd/util.go": "package main\n\nfunc unused() {}\n",
        "lib/run.go": "package lib\n\nfunc Run() { help() }\n",
        "lib/help.go": "package lib\n\nfunc help() {}\n",
        "lib/fmt/print.go": "package fmt\n\nfunc Print() {}\n",
    }, {"cmd/main.go": ["lib/run.go", "lib/fmt/print.go"], "lib/run.go": ["lib/help.go"]}),
    ("Rust", {
        "k/src/lib.rs": "mod a;\npub mod b;\nuse other_crate::Thing;\n",
        "k/src/a.rs": "use crate::b::{c::C, d};\nuse super::b;\n",
        "k/src/b/mod.rs": "mod c;\npub(crate) mod d;\n",
        "k/src/b/c.rs": "use self::x;\nuse std::fmt;\n",
        "k/src/b/d.rs": "use super::c::C;\n",
        "other-crate/src/lib.rs": "",
    }, {
        "k/src/lib.rs": ["k/src/a.rs", "k/src/b/mod.rs", "other-crate/src/lib.rs"],
        "k/src/a.rs": ["k/src/b/mod.rs", "k/src/b/c.rs", "k/src/b/d.rs"],
        "k/src/b/mod.rs": ["k/src/b/c.rs", "k/src/b/d.rs"],
        "k/src/b/d.rs": ["k/src/b/c.rs"],
    }),
    ("Ruby", {
        "lib/a.rb": "require 'json'\nrequire_relative 'a/b'\nrequire 'a/c'\n",
        "lib/a/b.rb": "", "lib/a/c.rb": "",
    }, {"lib/a.rb": ["lib/a/b.rb", "lib/a/c.rb"]}),
    ("PHP", {
        "a.php": "<?php\nnamespace App;\nuse App\\Model\\User;\n"
                 "require_once __DIR__ . '/inc/b.php';\n",
        "m/User.php": "<?php\nnamespace App\\Model;\nfinal class User {}\n",
        "inc/b.php": "<?php\n",
    }, {"a.php": ["m/User.php", "inc/b.php"]}),
    ("Swift", {
        "A.swift": "import Foundation\nlet t = Tool()\n", "T.swift": "public struct Tool {}\n",
    }, {"A.swift": ["T.swift"]}),
    ("Haskell", {
        "src/A.hs": "module A where\nimport qualified Data.Map as M\nimport B.C (x)\n"
                    "import safe D\n",
        "src/B/C.hs": "", "src/D.hs": "",
    }, {"src/A.hs": ["src/B/C.hs", "src/D.hs"]}),
    ("Perl", {
        "a.pl": "use strict;\nuse My::Mod qw(x);\nuse parent -norequire, 'My::Base';\n",
        "lib/My/Mod.pm": "", "lib/My/Base.pm": "",
    }, {"a.pl": ["lib/My/Mod.pm", "lib/My/Base.pm"]}),
    ("Lua", {"a.lua": "local b = require('x.b')\nrequire \"x.c\"\n", "x/b.lua": "",
             "x/c/init.lua": ""},
     {"a.lua": ["x/b.lua", "x/c/init.lua"]}),
    ("Dart", {
        "app/lib/a.dart": "import 'b.dart';\nimport 'package:app/c/d.dart';\nimport 'dart:io';\n",
        "app/lib/b.dart": "", "app/lib/c/d.dart": "",
    }, {"app/lib/a.dart": ["app/lib/b.dart", "app/lib/c/d.dart"]}),
    ("Shell", {"a.sh": ". ./lib.sh\nsource \"$HERE/x/y.sh\"\n", "lib.sh": "", "x/y.sh": ""},
     {"a.sh": ["lib.sh", "x/y.sh"]}),
    ("Protocol Buffer", {"a.proto": 'import public "x/b.proto";\n', "p/x/b.proto": ""},
     {"a.proto": ["p/x/b.proto"]}),
]  # fmt: skip


@pytest.mark.parametrize(("language", "files", "expected"), CASES, ids=[c[0] for c in CASES])
def test_who_needs_whom(language, files, expected):
    assert edges(language, files) == expected


def test_at_least_ten_languages_are_known():
    assert len({c[0] for c in CASES}) >= 10


def test_the_nearest_of_several_files_is_meant():
    files = {
        "one/app.py": "import tool\n", "one/tool.py": "", "two/app.py": "import tool\n",
        "two/deep/tool.py": "", "tool.py": "",
    }  # fmt: skip
    assert edges("Python", files) == {
        "one/app.py": ["one/tool.py"],
        "two/app.py": ["two/deep/tool.py"],
    }


def test_java_and_kotlin_see_each_other_and_other_languages_do_not():
    files = {"A.java": "package p;\nimport p.B;\nclass A {}\n", "B.kt": "package p\nclass B\n",
             "C.cs": "namespace p { class A { B b; } }\n"}  # fmt: skip
    languages = {"A.java": "Java", "B.kt": "Kotlin", "C.cs": "C#"}
    assert edges(None, files, languages) == {"A.java": ["B.kt"]}


def test_what_leaves_the_tree_is_nobodys_edge():
    assert edges("C", {"a.c": '#include "../../etc/x.h"\n', "etc/x.h": ""}) == {}
    assert edges("Python", {"a.py": "from .... import b\nimport ..b\n", "b.py": ""}) == {}


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("a::b", ["a::b"]),
        ("a::{b, c::{d, e}, f}", ["a::b", "a::c::d", "a::c::e", "a::f"]),
        ("a::*", ["a"]),
        ("a::b as c", ["a::b::c"]),
        ("{a, b}", ["a", "b"]),
        ("a::{b", ["a::b"]),
        ("}}{{,,", []),
    ],
)
def test_use_trees_of_rust(use, expected):
    assert ["::".join(p) for p in _paths(use)] == expected


def cpu_seconds(files):
    start = time.process_time()
    graph(files)
    return time.process_time() - start


@pytest.mark.parametrize(
    ("language", "text"),
    [
        *((language, ("a" + " " * 300) * 6) for language in ("Java", "Kotlin", "Scala", "C#")),
        ("Swift", ("a" + " " * 300) * 6),
        ("Python", "from" + " " * 30_000),
        ("Python", "from " + "." * 30_000),
        ("Lua", "require" + " " * 30_000),
    ],
)
def test_no_line_takes_long(language, text):
    assert cpu_seconds([SourceFile("a", language, text)]) < 1


@pytest.mark.parametrize("language", ["Python", "Go"])
def test_large_repositories_take_a_time_in_proportion(language):
    """Thousands of packages whose files have one name, and imports of what is not there."""
    name, text = {
        "Python": ("__init__.py", "import os, sys\nimport numpy as np\n"),
        "Go": ("a.go", 'import (\n\t"github.com/a/b/c/d"\n\t"golang.org/x/e/f"\n)\n'),
    }[language]
    files = [SourceFile(f"x/p{i}/{name}", language, text) for i in range(2000)]
    assert cpu_seconds(files) < 2


def test_what_go_does_not_export_is_seen_in_its_own_package_only():
    files = {
        "a/a.go": 'package a\n\nimport "x.example/m/b"\n\nfunc F() { helper() }\n',
        "b/b.go": "package b\n\nfunc helper() {}\n",
        "a/c.go": "package a\n\nfunc helper() {}\n",
    }
    assert edges("Go", files) == {"a/a.go": ["a/c.go"]}
