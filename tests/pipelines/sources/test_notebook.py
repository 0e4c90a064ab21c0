"""Notebooks as scripts."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import items_of

from castor.filters.reasons import Reason
from castor.filters.record import Record
from castor.pipelines.source import Rejected, RejectError
from castor.pipelines.sources._notebook import MAX_OUTPUT_LINES, read_notebook


def notebook(cells, **more):
    return json.dumps({"nbformat": 4, "cells": cells, **more})


def code(source, *outputs):
    return {"cell_type": "code", "source": source, "outputs": list(outputs)}


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


def kinds(text, parts):
    data = text.encode()
    edges = [0, *(p.end_byte for p in parts)]
    assert [p.start_byte for p in parts] == edges[:-1]
    assert edges[-1] == len(data)
    return [(p.kind, data[p.start_byte : p.end_byte].decode().strip()) for p in parts]


CELLS = [
    {"cell_type": "markdown", "source": ["# Títle\n", "\n", "text"]},
    code("%matplotlib inline\n!pip install x\nx = 'é' \\\n  % 3\n", printed("out\n")),
    code([]),
    code("%%bash\nls\n"),
    code("%%time\nf()\n"),
    {"cell_type": "raw", "source": "raw"},
]
SCRIPT = [
    ("text", "# # Títle\n#\n# text"),
    ("code", "# %matplotlib inline\n# !pip install x\nx = 'é' \\\n  % 3"),
    ("code", "# %%bash\n# ls"),
    ("code", "# %%time\nf()"),
    ("text", "# raw"),
]


def test_prose_and_the_lines_for_the_shell_are_comments(tmp_path):
    (tmp_path / "n.ipynb").write_text(
        notebook(CELLS, metadata={"kernelspec": {"language": "python"}})
    )
    (item,) = items_of("code", tmp_path, "n.ipynb")
    assert isinstance(item, Record)
    assert kinds(item.text, item.parts) == SCRIPT
    assert item.meta["file_language"] == "Jupyter Notebook"
    assert item.meta["notebook_language"] == "python"
    compile(item.text.replace("  % 3", "* 3"), "n", "exec")


def test_outputs_follow_their_cell_if_asked_for():
    text, parts, _ = read_notebook(notebook(CELLS), outputs=True)
    assert kinds(text, parts) == [*SCRIPT[:2], ("output", "# out"), *SCRIPT[2:]]


def test_outputs_are_text_and_not_endless():
    result = {"output_type": "execute_result", "data": {"text/plain": ["1\n", "2"]}}
    picture = {"output_type": "display_data", "data": {"image/png": "QUJD", "text/plain": "<x>"}}
    error = {"output_type": "error", "traceback": ["\x1b[31mboom"]}
    colour = printed("\x1b[1mbold\x1b[0m")
    text, parts, _ = read_notebook(
        notebook([code("f()", result, picture, error, colour)]), outputs=True
    )
    assert kinds(text, parts) == [("code", "f()"), ("output", "# 1\n# 2\n# bold")]
    text, _, _ = read_notebook(notebook([code("f()", printed("x\n" * 999))]), outputs=True)
    assert text.count("\n# x") == MAX_OUTPUT_LINES
    assert text.endswith("\n# ...")


def test_comments_are_those_of_the_notebooks_language():
    cells = [{"cell_type": "markdown", "source": "words"}, code("x")]
    for language, expected in (("scala", "// words"), ("R", "# words"), ("haskell", "-- words")):
        text, _, found = read_notebook(
            notebook(cells, metadata={"language_info": {"name": language}})
        )
        assert text.split("\n")[0] == expected
        assert found == language


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", Reason.CORRUPT),
        ("[]", Reason.CORRUPT),
        ("{}", Reason.CORRUPT),
        ("[" * 100_000, Reason.CORRUPT),
        (notebook([5]), Reason.CORRUPT),
        (notebook([{"cell_type": "code", "source": 5}]), Reason.CORRUPT),
        (notebook([]), Reason.NO_TEXT),
    ],
)
def test_broken_notebooks(tmp_path, text, reason):
    (tmp_path / "n.ipynb").write_text(text)
    (item,) = items_of("code", tmp_path, "n.ipynb")
    assert (type(item), item.reason) == (Rejected, reason)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
CELL = st.fixed_dictionaries(
    {"cell_type": st.sampled_from(["code", "markdown", "x"])},
    optional={
        "source": st.text(max_size=20) | st.lists(st.text(max_size=5), max_size=3) | JSON,
        "outputs": st.lists(
            JSON
            | st.fixed_dictionaries({"output_type": st.just("stream")}, optional={"text": JSON}),
            max_size=3,
        ) | JSON,
    },
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(CELL | JSON, max_size=4), JSON)
def test_any_notebook_is_read_or_rejected(cells, metadata):
    try:
        text, parts, _ = read_notebook(notebook(cells, metadata=metadata), outputs=True)
    except RejectError:
        return
    kinds(text, parts)
