"""A run that takes out what stands on many pages of a site: the rows, the bytes, what is reused."""

import json
import os
import pathlib

import pytest
from runs import contents

from castor.filters.errors import ConfigError
from castor.pipelines import recipe as recipes
from castor.pipelines.api import open_dataset
from castor.pipelines.run import run

RECIPE = """\
castor: 1
name: pages
set: {input: null}
sources: [{name: pages, kind: rows, input: "${input}"}]
boilerplate: {pages: 4, share: 0.5}
annotate: [text]
limits: {shard_files: 1}
"""
TEXT = """# Page {n} of {site}

What page {n} of {site} has to say, in some words of its own and none of any other page.

## Ingredients

Number {n} of all things, and what else {site} puts in.

{last}

## Related

- Read more here"""
LAST = "Subscribe to our newsletter"


def write_pages(folder: pathlib.Path, files: int = 3) -> None:
    """Files of four pages of each of two sites, and of rows that are no pages."""
    for k in range(files):
        rows = []
        for n in range(4 * k, 4 * k + 4):
            rows.append({"url": f"https://www.a.example/{n}", "text": TEXT.format(
                n=n, site="a", last=LAST)})  # fmt: skip
            rows.append({"url": f"http://b.example/{n}", "text": f"Alone {n}\n\n{LAST} {n}"})
        rows.append({"text": f"No page {k}\n{LAST}"})
        lines = (json.dumps({"id": f"{k}-{i}", **row}) for i, row in enumerate(rows))
        (folder / f"{k}.jsonl").write_text("\n".join(lines))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    path = tmp_path_factory.mktemp("boilerplate") / "pages.yaml"
    path.write_text(RECIPE)
    (path.parent / "in").mkdir()
    write_pages(path.parent / "in")
    return path


def here(recipe: pathlib.Path, out: pathlib.Path, *settings: str, **options) -> dict:
    """A run in this process, with one worker unless options say more."""
    found = recipes.load(str(recipe), [f"input={recipe.parent / 'in'}", *settings])
    return run(found, out, **{"workers": 1, "mode": "memory", **options}).summary()


def rows(out: pathlib.Path) -> dict[str, dict]:
    columns = ["key", "text", "boilerplate.edits", "text.n_characters"]
    return {row["key"]: row for row in open_dataset(out).table(columns).to_pylist()}


@pytest.fixture(scope="module")
def reference(recipe, tmp_path_factory) -> pathlib.Path:
    out = tmp_path_factory.mktemp("boilerplate") / "out"
    here(recipe, out)
    return out


def test_rows_lose_what_their_site_repeats_and_say_so(reference):
    found = rows(reference)
    row = found["pages:0.jsonl@0-0"]
    assert row["text"] == TEXT.format(n=0, site="a", last="").split("\n\n\n")[0]
    assert "## Ingredients" in row["text"]
    assert row["boilerplate.edits"] == 3
    assert row["text.n_characters"] == len(row["text"])
    other, no_page = found["pages:0.jsonl@0-1"], found["pages:0.jsonl@0-8"]
    assert (other["boilerplate.edits"], no_page["boilerplate.edits"]) == (0, None)
    assert LAST in other["text"]
    assert LAST in no_page["text"]
    manifest = json.loads((reference / "manifest.json").read_text())
    assert manifest["versions"]["rewriters"] == {"boilerplate": 1}
    assert manifest["config"]["boilerplate"] == {"pages": 4, "share": 0.5, "most": 0.5}


def test_the_command_with_more_workers_gives_the_same_bytes(castor, recipe, reference, tmp_path):
    out = tmp_path / "out"
    castor("run", recipe, out, "--set", f"input={recipe.parent / 'in'}", "--workers", 2)
    assert contents(out) == contents(reference)


def test_what_was_read_is_reused_and_measured_again_where_lines_change(recipe, tmp_path):
    folder = tmp_path / "recipe"
    (folder / "in").mkdir(parents=True)
    own = folder / "pages.yaml"
    own.write_text(recipe.read_text())
    write_pages(folder / "in")
    out = tmp_path / "out"
    assert here(own, out)["shards_measured"] == 3
    measured = {p: p.stat().st_mtime_ns for p in (out / ".work" / "measured").glob("*.parquet")}
    again = here(own, out, "dedup.exact=false", force=True)
    assert again["shards_reused"] == 3
    assert measured == {p: p.stat().st_mtime_ns for p in measured}
    # A changed file changes what is repeated: it is read, and all are measured.
    text = (folder / "in" / "0.jsonl").read_text()
    (folder / "in" / "0.jsonl").write_text(text.replace("- Read more here", "- Read on here now"))
    found = here(own, out, "boilerplate.share=0.7", force=True)
    assert (found["shards_measured"], found["shards_reused"]) == (1, 2)
    assert "Read more here" in rows(out)["pages:1.jsonl@1-0"]["text"]
    assert LAST not in rows(out)["pages:1.jsonl@1-0"]["text"]
    assert all(p.stat().st_mtime_ns > at for p, at in measured.items())
    fresh = tmp_path / "fresh"
    here(own, fresh, "boilerplate.share=0.7")
    assert contents(out) == contents(fresh)


def test_without_repeated_lines_every_page_is_as_it_was(recipe, tmp_path):
    here(recipe, tmp_path / "out", "boilerplate.pages=100")
    found = rows(tmp_path / "out")
    assert {row["boilerplate.edits"] for row in found.values()} == {0, None}
    assert found["pages:0.jsonl@0-0"]["text"] == TEXT.format(n=0, site="a", last=LAST)


def test_rows_of_a_reference_are_not_counted_and_not_trimmed(recipe, tmp_path):
    other = tmp_path / "other.yaml"
    (tmp_path / "in").mkdir()
    write_pages(tmp_path / "in", files=1)
    source = f'{{name: old, kind: rows, input: "{tmp_path / "in"}", reference: true}}'
    other.write_text(RECIPE.replace("sources: [", f"sources: [{source}, "))
    found = recipes.load(str(other), [f"input={tmp_path / 'in'}", "dedup=null"])
    run(found, tmp_path / "out", workers=1, mode="memory")
    # Of the four pages that are counted, all have the line; with the reference's they would too,
    # but as equal pages.
    assert rows(tmp_path / "out")["pages:0.jsonl@0-0"]["boilerplate.edits"] == 3
    measured = tmp_path / "out" / ".work" / "boilerplate"
    assert sorted(os.listdir(measured))[-1].endswith(".seen")
    assert len(list(measured.glob("*.seen"))) == 1


@pytest.mark.parametrize("setting", ["boilerplate.pages=1", "boilerplate.share=2"])
def test_wrong_numbers_are_refused(recipe, setting):
    with pytest.raises(ConfigError):
        recipes.load(str(recipe), ["input=x", setting])
