"""castor tokenizer inspect: pieces as a table, in colour on a terminal, as JSON."""

import json
import os
import pathlib
import pty
import subprocess
import sys

from click.testing import CliRunner

from castor.pipelines import api
from castor.pipelines.cli import main

COMMAND = pathlib.Path(sys.executable).parent / "castor"


def run(*arguments, **options):
    return CliRunner().invoke(main, ["tokenizer", "inspect", *map(str, arguments)], **options)


def test_pieces_with_ids_bytes_and_kinds(tokenizer):
    done = run(tokenizer, "the house<b>\t🦉 \x1b[31m")
    assert done.exit_code == 0, done.output
    assert "\x1b" not in done.output  # nothing of the text reaches the terminal as a command
    lines = done.output.splitlines()
    assert lines[0].split() == ["id", "kind", "piece", "bytes", "at", "byte"]
    assert any("user-defined" in line and "<b>" in line and "3c 62 3e" in line for line in lines)
    assert sum("<0xF0>" in line and "byte" in line for line in lines) == 1
    found = api.tokenizer_inspect(tokenizer, "the house<b>\t🦉 \x1b[31m")
    assert lines[-1] == f"{len(found)} tokens, 23 bytes"


def test_json_and_standard_input(tokenizer, tokens):
    done = run(tokenizer, "-", "--json", input="the 日本\n")
    found = json.loads(done.stdout)
    assert bytes.fromhex("".join(p["bytes"] for p in found)) == "the 日本\n".encode()
    assert found == api.tokenizer_inspect(tokens, "the 日本\n")  # a token dataset has its own copy


def test_a_folder_without_a_tokenizer_is_an_error(tmp_path):
    done = run(tmp_path, "x")
    assert done.exit_code == 1
    assert "no tokenizer here" in done.output


def test_pieces_are_coloured_on_a_terminal(tokenizer):
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color"}
    env.pop("NO_COLOR", None)
    done = subprocess.Popen(
        [COMMAND, "tokenizer", "inspect", tokenizer, "the 🦉"], stdout=theirs, env=env
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert done.wait(30) == 0
    first = shown.split(b"\r\n")[0]
    assert b"\x1b[30;103m[f0]\x1b[0m" in first  # a byte has its own colour
    assert b"\x1b[30;106m" in first
