"""The language of a file whose name does not tell: short files, and what takes no time."""

import re
import time

import pytest

from castor.pipelines.sources import _code_content as content
from castor.pipelines.sources._code_content import _languages, by_content
from castor.pipelines.sources._code_language import language_of

FILES = {
    "Python": "import os\n\n\nclass A(B):\n    def f(self, x):\n        return self.x is None\n",
    "JavaScript": "import a from './a.js';\n\nexport default function f(x) {\n"
    "  return x === 1;\n}\n",
    "TypeScript": "import { A } from './a';\n\nexport interface B {\n  name: string;\n}\n"
    "export const f = (x: number): void => {\n  console.log(x);\n};\n",
    "Java": "package a.b;\n\nimport java.util.List;\n\npublic class A {\n  @Override\n"
    "  public String toString() {\n    return null;\n  }\n}\n",
    "C#": "using System;\n\nnamespace A.B\n{\n    public class C\n    {\n"
    "        public int D { get; set; }\n    }\n}\n",
    "C": '#include <stdio.h>\n\nint main(void)\n{\n    char *p = malloc(8);\n    printf("x");\n}\n',
    "C++": "#include <vector>\n\nnamespace a {\ntemplate <typename T>\nclass B {\n public:\n"
    "  std::vector<T> v;\n};\n}\n",
    "Objective-C": "#import <UIKit/UIKit.h>\n\n@implementation A\n- (void)run {\n  [self go];\n}\n"
    "@end\n",
    "Go": 'package a\n\nimport (\n\t"fmt"\n)\n\nfunc f() error {\n\tx := 1\n\tfmt.Println(x)\n'
    "\treturn nil\n}\n",
    "Rust": "use std::fmt;\n\n#[derive(Debug)]\npub struct A;\n\n"
    "impl A {\n    pub fn f(&self) -> u8 {\n"
    "        let x = 1;\n        x\n    }\n}\n",
    "Ruby": "require 'json'\n\nclass A < B\n  attr_reader :x\n\n  def f(y)\n    y.each do |z|\n"
    "      puts z\n    end\n  end\nend\n",
    "Perl": "use strict;\nuse warnings;\n\nsub f {\n    my ($x) = @_;\n"
    "    $x =~ s/a/b/;\n}\n\n1;\n",
    "Shell": 'set -e\nif [ -f "$1" ]; then\n  export A=1\nfi\n'
    'for x in a b; do\n  echo "$x"\ndone\n',
    "Haskell": "module A where\n\nimport qualified Data.Map as M\n\nf :: Int -> Int\nf x = x\n",
    "Lua": "local a = require('b')\n\nlocal function f(x)\n"
    "  if x ~= nil then\n    return x\n  end\n"
    "end\n",
    "SQL": "CREATE TABLE a (\n  b INTEGER PRIMARY KEY,\n  c VARCHAR(9) NOT NULL\n);\n"
    "SELECT b FROM a\nWHERE c = 'x';\n",
    "Swift": "import Foundation\n\nstruct A {\n    let x: Int\n    func f() -> Int {\n"
    "        guard let y = x else { return 0 }\n        return y\n    }\n}\n",
    "Kotlin": "package a\n\nimport b.c\n\ndata class A(val x: Int)\n\nfun f(a: A): Int {\n"
    "    val y = a.x\n    return y\n}\n",
    "PHP": "<?php\nnamespace A;\n\nclass B {\n    public function c() {\n        $this->d = 1;\n"
    "    }\n}\n",
    "R": "library(stats)\n\nf <- function(x) {\n  y <- c(1, 2)\n  data.frame(a = y)\n}\n",
    "Julia": "using Test\n\nfunction f(x)\n    println(x)\nend\n\n@test f(1) == 2\n",
    "Dart": "import 'package:a/b.dart';\n\nclass A extends StatelessWidget {\n  @override\n"
    "  Widget build(BuildContext c) {\n    final String x = 'a';\n  }\n}\n",
    "Scala": "package a\n\nimport b.{C, D}\n\ncase class A(x: Int) extends B {\n"
    "  def f(y: Int): Int = y\n}\n",
    "Gradle": "plugins {\n    id 'java'\n}\n\ndependencies {\n    implementation 'a:b:1'\n}\n",
    "Tcl": "package require Tk\n\nproc f {x} {\n    set y [list 1 2]\n"
    "    if {$x} {\n        puts $y\n"
    "    }\n}\n",
    "Makefile": ".PHONY: all\n\nCC = cc\n\nall: a.o\n\t$(CC) -o a $<\n",
    "YAML": "name: a\non:\n  push:\n    branches: [main]\njobs:\n  b:\n"
    "    steps:\n      - uses: c\n",
    "TOML": '[package]\nname = "a"\nversion = "1"\n\n[dependencies]\nb = { version = "2" }\n',
    "INI": "[a]\nb = c\nd = e f\n\n[g]\nh=1\n; why\n",
    "Markdown": "# A\n\nSome words about [b](https://b.example/).\n\n## C\n\n```\nd\n```\n\n- e\n",
    "reStructuredText": "A\n====\n\n.. code-block:: python\n\n   x\n\nSee ``b`` and :ref:`c`.\n",
    "CSS": "body {\n  margin: 0;\n}\n\n.a > b {\n  color: #fff;\n  width: 10px;\n}\n",
    "SCSS": "$a: 1px;\n\n.b {\n  @include c;\n  color: $a;\n  &:hover {\n    margin: 0;\n  }\n}\n",
    "HTML": '<div class="a">\n  <p>x</p>\n  <ul>\n    <li>y</li>\n  </ul>\n</div>\n',
    "Vue": "<template>\n  <p>{{ a }}</p>\n</template>\n\n<script>\n"
    "export default {\n};\n</script>\n",
    "XML": '<Project Sdk="a">\n  <ItemGroup>\n'
    '    <Compile Include="b" />\n  </ItemGroup>\n</Project>\n',
    "XSLT": '<?xml version="1.0"?>\n<!-- a -->\n'
    '<xsl:stylesheet version="1.0">\n</xsl:stylesheet>\n',
    "Dockerfile": "# a\nFROM b:1\n\nWORKDIR /c\nCOPY . .\nRUN d\n",
    "Batchfile": "@echo off\nrem a\nset B=%C%\nif not exist d goto :e\n:e\n",
    "Meson": "project('a', 'c')\n\nb = dependency('c')\nexecutable('d',\n  'e.c',\n)\n",
    "CMake": "cmake_minimum_required(VERSION 3.5)\nproject(a)\n\nif(B)\n"
    "  add_library(c d.c)\nendif()\n",
    "jq": 'include "a";\n\ndef f($x):\n  map(select(.y == $x))\n  | length;\n',
    "Erlang": "-module(a).\n-export([f/1]).\n\nf(X) when X > 1 ->\n    lists:map(X).\n",
    "Elixir": "defmodule A do\n  @doc false\n  def f(x) do\n    x |> g()\n  end\nend\n",
    "Clojure": "(ns a.b\n  (:require [c]))\n\n(defn f [x]\n  (let [y x] y))\n",
    "Emacs Lisp": ";;; a.el\n\n(defun a-b (x)\n  (interactive)\n  (setq y x))\n\n(provide 'a)\n",
    "OCaml": "open A\n\nlet rec f x =\n  match x with\n  | B y -> y\n  | C -> 0\n",
    "Fortran Free Form": "module a\n  implicit none\ncontains\n  subroutine b(x)\n    real :: x\n"
    "    call c(x)\n  end subroutine b\nend module a\n",
    "Verilog": "module a(input b, output c);\n  wire d;\n  assign c = d;\n"
    "  always @(posedge b) begin\n"
    "  end\nendmodule\n",
    "VHDL": "library ieee;\nuse ieee.std_logic_1164.all;\n\nentity a is\n"
    "  port (b : in std_logic);\n"
    "end a;\n",
    "Assembly": "\t.text\n\t.globl main\nmain:\n\tpushq %rbp\n\tmovq %rsp, %rbp\n\tret\n",
    "TeX": "\\documentclass{article}\n\\begin{document}\n\\section{A}\n\\end{document}\n",
    "Vim Script": "\" a\nif exists('g:b')\n  finish\nendif\nlet g:b = 1\n"
    "function! s:C()\nendfunction\n",
    "PowerShell": "param (\n  [string]$A\n)\n$b = Get-Item $A\n"
    "if ($b -eq 1) {\n  Write-Host $b\n}\n",
    "Protocol Buffer": 'syntax = "proto3";\n\nmessage A {\n  string b = 1;\n}\n',
    "HCL": 'resource "a" "b" {\n  c = "d"\n}\n\nvariable "e" {\n}\n',
    "Zig": 'const a = @import("a");\n\npub fn f(x: u8) !void {\n    errdefer b();\n}\n',
}


@pytest.mark.parametrize("language", FILES)
def test_a_short_file_tells_its_language(language):
    assert language_of("x", FILES[language]) == language


@pytest.mark.parametrize("text", [
    "Some words that nobody would take for a program.\n" * 3,
    "one two\n",
    "1 2 3\n4 5 6\n" * 20,
    "\n",
])  # fmt: skip
def test_prose_and_numbers_have_none(text):
    assert by_content(text) is None


def test_what_is_in_another_language_too_is_no_proof_of_its_own():
    both = FILES["C"] + "\n" + FILES["C++"]
    assert by_content(both) == "C++"
    assert by_content("int f(int a);\nstruct b {\n    int c;\n};\n#define X 1\n") == "C"


def test_as_much_of_one_language_as_of_another_is_none(monkeypatch):
    one, two = ([(weight, re.compile(text))] for weight, text in ((5, "a"), (5, "b")))
    languages = {"One": content._Language(one, ""), "Two": content._Language(two, "")}
    monkeypatch.setattr(content, "_languages", lambda: languages)
    assert [by_content(t) for t in ("a", "b", "a b", "a a b")] == ["One", "Two", None, "One"]
    assert by_content("a a b" + " b" * 9) == "Two"  # four times of one mark and more are four
    assert by_content("a a a a" + " b" * 9) is None


def test_a_suffix_of_no_language_needs_more_evidence():
    assert language_of("a", FILES["TOML"]) == "TOML"
    assert language_of("a.golden", FILES["TOML"][:25]) is None
    assert language_of("a.golden", FILES["Go"]) == "Go"
    assert language_of("a.golden", FILES["Go"] + FILES["Rust"]) is None


def test_a_long_file_is_known_by_its_middle():
    comment = "/* " + "some words about who may use this file\n" * 200 + "*/\n"
    assert len(comment) > 4000
    assert by_content(comment + FILES["Go"] * 200) == "Go"


@pytest.mark.parametrize(
    "text",
    ["\n", " ", "\t", "a = ", "//\n", "#\n", "def f(" + ")" * 50, "<a ", "-", "{", "a.", "; ",
     "import a,"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["x", "x.h"])
def test_no_file_takes_long(text, name):
    start = time.process_time()
    language_of(name, text * (60_000 // len(text)))
    assert time.process_time() - start < 1


def test_every_mark_is_sound():
    languages = _languages()
    assert len(languages) >= 60
    for name, language in languages.items():
        assert language.of == "" or language.of in languages, name
        assert any(weight > 0 for weight, _ in language.marks), name
        for _, mark in language.marks:
            assert mark.search("") is None, (name, mark.pattern)
            assert "\\s" not in mark.pattern, (name, mark.pattern)
