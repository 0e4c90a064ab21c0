"""Repositories as long documents."""

import json

import pytest
from tokenizers import make_tokenizer

from castor.filters.errors import ConfigError
from castor.filters.record import Modality, Record
from castor.pipelines import api, source
from castor.pipelines.source import InputFile, Rejected
from castor.pipelines.sources._repository import Packer, estimated
from castor.pipelines.tokens.tokenizers import open_tokenizer

Options = source.load("repositories").options


def words(texts):
    return [len(t.split()) for t in texts]


def file_of(path, text, language="Python", repository="r", **meta):
    meta = {"path": path, "repository": repository, "file_language": language} | meta
    return Record(f"code:{repository}@{path}", "code", Modality.CODE, text, meta=meta)


def documents(records, *, order="imports", headers=True, max_tokens=10**6, seed=0, count=words):
    packer = Packer(order=order, headers=headers, max_tokens=max_tokens, seed=seed, count=count)
    return list(packer.documents(InputFile("x", "/", "part-00000.parquet"), "r", records))


FILES = [
    file_of("a.py", "import b\nimport c\n", licence="MIT"),
    file_of("b.py", "import c\n", licence="MIT"),
    file_of("c.py", "x = 1\n", licence="Apache-2.0 OR MIT"),
    file_of("page.html", "<p>x</p>\n", "HTML", licence="MIT"),
]


def test_files_stand_behind_what_they_need_under_their_paths():
    (found,) = documents(FILES)
    assert found.text == (
        "# c.py\nx = 1\n\n# b.py\nimport c\n\n# a.py\nimport b\nimport c\n\n"
        "<!-- page.html -->\n<p>x</p>\n"
    )
    data = found.text.encode()
    parts = [data[p.start_byte : p.end_byte].decode() for p in found.parts]
    assert "".join(parts) == found.text
    assert [p.split("\n")[0] for p in parts] == ["# c.py", "# b.py", "# a.py", "<!-- page.html -->"]
    assert found.meta == {
        "repository": "r", "piece": "1/1", "n_files": "4", "file_languages": "HTML,Python",
        "licence": "(Apache-2.0 OR MIT) AND MIT",
    }  # fmt: skip


def test_a_document_is_licensed_as_all_of_its_files_are():
    (found,) = documents([*FILES, file_of("d.py", "y = 1\n")])
    assert "licence" not in found.meta


def test_other_orders():
    (by_path,) = documents(FILES, order="path", headers=False)
    assert by_path.text.startswith("import b\nimport c\n\nimport c\n\nx = 1")
    many = [file_of(f"{i}.py", f"x{i}\n") for i in range(30)]
    (one,) = documents(many, order="shuffled")
    assert one.text == documents(many[::-1], order="shuffled")[0].text
    assert one.text != documents(many, order="shuffled", seed=1)[0].text
    assert sorted(one.text.split()) == sorted(documents(many, order="path")[0].text.split())


@pytest.mark.parametrize("max_tokens", [64, 100, 333])
def test_no_document_is_over_the_budget_and_nothing_is_lost(max_tokens):
    files = [
        file_of(f"f{k:02d}.py", "".join(f"w{k}_{i} and more\n" for i in range(n)))
        for k, n in enumerate([1, 40, 5, 200, 3, 3, 3, 90])
    ]
    found = documents(files, order="path", max_tokens=max_tokens)
    assert [d.meta["piece"] for d in found] == [f"{i + 1}/{len(found)}" for i in range(len(found))]
    assert len({d.key for d in found}) == len(found) > 1
    lines = []
    for each in found:
        assert words([each.text])[0] + 2 <= max_tokens
        lines += [x for x in each.text.split("\n") if x and not x.startswith("#")]
    assert lines == [x for f in files for x in f.text.split("\n") if x]


def test_a_line_over_the_budget_rejects_its_file():
    found = documents([file_of("a.py", "x " * 99 + "\n"), FILES[2]], max_tokens=70)
    assert [type(i) for i in found] == [Record, Rejected]
    assert found[1].message.startswith("a.py: a single line")


def test_the_estimate_counts_bytes():
    assert estimated(["é" * 5, ""], bytes_per_token=2.5) == [4, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"order": "import"}, "did you mean 'imports'"),
        ({"header": "x"}, "header"),
        ({"max_tokens": 3}, "max_tokens must be a whole number from 64"),
        ({"bytes_per_token": 0}, "bytes_per_token must be between"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Options(**options)


MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software "
    'and associated documentation files (the "Software"), to deal in the Software without '
    "restriction... The above copyright notice and this permission notice shall be included in all "
    "copies or substantial portions of the Software."
)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """What a run of `code` kept of three repositories, in shards of two files."""
    root = tmp_path_factory.mktemp("repositories")
    for r in ("one", "three", "two"):
        folder = root / "in" / r
        folder.mkdir(parents=True)
        (folder / "LICENSE").write_text(MIT)
        for i in range(5):
            needs = f"import {r}_{i + 1}\n" if i < 4 else ""
            (folder / f"{r}_{i}.py").write_text(f"{needs}name = '{r} number {i}'\n")
    small = [f"input={root / 'in'}", "dedup=null", "limits.shard_files=2"]
    api.run("code", root / "files", settings=small, workers=1)
    return root / "files"


def test_a_repository_that_crosses_shards_is_one_document(files, tmp_path):
    """Documents of the files of a run: nothing twice, nothing lost, in import order."""
    api.run("repositories", tmp_path / "out", settings=[f"input={files}"], workers=1)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["counts"]["total"]["kept"] == 3
    table = api.open_dataset(tmp_path / "out").table(["text", "meta"]).to_pylist()
    for row, r in zip(table, ("one", "three", "two"), strict=True):
        meta = dict(row["meta"])
        assert (meta["repository"], meta["n_files"], meta["licence"]) == (r, "5", "MIT")
        heads = [x for x in row["text"].split("\n") if x.startswith("#")]
        assert heads == [f"# {r}/{r}_{i}.py" for i in (4, 3, 2, 1, 0)]


def rows_of(folder):
    return api.open_dataset(folder).table(["text", "meta"]).to_pylist()


def test_a_tokenizer_counts_what_a_document_may_hold(files, tmp_path):
    texts = [row["text"] for row in rows_of(files)]
    make_tokenizer(tmp_path / "tokenizer", texts * 9, vocab_size=520)
    settings = [f"input={files}", "max_tokens=64", f"tokenizer={tmp_path / 'tokenizer'}"]
    api.run("repositories", tmp_path / "out", settings=settings, workers=1)
    tokenizer = open_tokenizer(tmp_path / "tokenizer")
    documents = [row["text"] for row in rows_of(tmp_path / "out")]
    sizes = [len(ids) + 2 for ids in tokenizer.encode_batch(documents)]
    assert len(documents) > 3
    assert max(sizes) <= 64
    assert max(sizes) > 40  # as full as they can be: another file would not fit
    lines = [x for d in documents for x in d.split("\n") if x and not x.startswith("#")]
    assert sorted(lines) == sorted(x for t in texts for x in t.split("\n") if x)


def test_the_recipe_for_filling_in_moves_the_middle_of_what_is_asked_for(files, tmp_path):
    before = {r["text"] for r in rows_of(files)}
    settings = [f"input={files}", "rate=1", "spm=0"]
    api.run("fill-in-the-middle", tmp_path / "out", settings=settings, workers=1)
    cut = [r["text"] for r in rows_of(tmp_path / "out")]
    assert len(cut) == len(before)
    for text in cut:
        beginning, rest = text.removeprefix("<fim_prefix>").split("<fim_suffix>")
        end, middle = rest.split("<fim_middle>")
        assert beginning + middle + end in before
