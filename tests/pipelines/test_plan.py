"""What is refused before anything runs, and what a plan depends on."""

import json
import pathlib
import shutil

import pytest
import yaml

from castor.filters.errors import CastorError, ConfigError
from castor.pipelines import recipe, run
from castor.pipelines.inspection import summary
from castor.pipelines.job import measure_fingerprint
from castor.pipelines.report import build

RULE = {"reason": "own.short", "signal": "text.n_words", "at_least": 2, "cite": "for the test"}
POLICY = {"name": "own", "version": 1, "modality": "text", "rules": [RULE]}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("rows")
    (folder / "a.jsonl").write_text('{"text": "one two three"}\n{"text": "one"}\n')
    return folder


@pytest.fixture
def make(tmp_path, rows):
    """`make(annotate=[...])` is the recipe with these keys, over `rows`."""

    return lambda **changes: made(tmp_path, rows, **changes)


def made(folder: pathlib.Path, rows: pathlib.Path, **changes) -> recipe.Recipe:
    sources = [{"name": "rows", "kind": "rows", "input": str(rows)}]
    path = folder / "recipe.yaml"
    data = {"castor": 1, "name": "m", "sources": sources, "dedup": None, **changes}
    path.write_text(yaml.safe_dump(data))
    return recipe.load(str(path))


@pytest.fixture
def own(tmp_path):
    """`own(version=2)` writes the policy with these keys and gives its path."""

    def write(name: str = "own.yaml", **changes) -> str:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(POLICY | changes))
        return str(path)

    return write


TWO = {"sources": [{"name": n, "kind": "rows", "input": "."} for n in ("a", "b")]}
WRONG = [
    ({"annotate": [{"name": "text", "options": {"fast": True}}]},
     ["annotator 'text' takes no options: got fast"]),
    ({"annotate": [{"name": "url", "options": {"listz": ["x"]}}]},
     ["no option named 'listz', in the options of annotator url", "did you mean 'lists'?"]),
    ({"annotate": [{"name": "badwords", "options": {"lists": "/nowhere"}}]},
     ["no list there, in the options of annotator badwords: got /nowhere"]),
    ({"annotate": [{"name": "badwords", "options": {"default_language": []}}]},
     ["default_language must be one language"]),
    ({"annotate": [{"name": "url", "options": {"lists": [3]}}]}, ["lists must be a list of texts"]),
    ({"rewrite": [{"name": "c4_lines", "options": {"v": 6}}]},
     ["rewriter 'c4_lines' takes no options: got v"]),
    ({"rewrite": [{"name": "mask_pii", "options": {"kinds": ["emial"]}}]},
     ["no kind of personal data named 'emial'", "did you mean 'email'?"]),
    ({"decide": [{"name": "gopher/paper", "options": {"v": 6}}]}, ["a policy takes no options"]),
    ({"annotate": ["text", "text"]}, ["a step stands twice for one source", "got text"]),
    ({"rewrite": ["mask_pii", "mask_pii"]}, ["a step stands twice for one source", "got mask_pii"]),
    ({"decide": ["gopher/paper"]}, ["no signal named 'text.", "for source 'rows'"]),
    (TWO | {"annotate": [{"name": "text", "sources": ["a"]}], "decide": ["gopher/paper"]},
     ["no signal named 'text.", "for source 'b'"]),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), WRONG)
def test_a_wrong_step_is_refused_and_nothing_is_made(make, tmp_path, changes, words):
    with pytest.raises(ConfigError) as caught:
        run.run(make(**changes), tmp_path / "out", mode="memory")
    for word in words:
        assert word in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2
    assert not (tmp_path / "out").exists()


def test_two_policies_of_one_name_are_refused(make, own, tmp_path):
    paths = [own("a.yaml"), own("b.yaml", version=2)]
    with pytest.raises(ConfigError, match="two policies have the same name"):
        run.plan(make(annotate=["text"], decide=paths), tmp_path / "out")


def test_a_policy_that_was_edited_decides_anew(make, own, tmp_path):
    """Whether or not its version was raised, and though nothing is measured again."""
    out = tmp_path / "out"
    found = make(annotate=["text"], decide=[own()])
    assert run.run(found, out, mode="memory").manifest["counts"]["total"]["dropped"] == 1
    assert run.run(found, out, mode="memory").skipped
    own(rules=[RULE | {"at_least": 4}])
    with pytest.raises(ConfigError, match="a finished run of other input"):
        run.run(found, out, mode="memory")
    again = run.run(found, out, mode="memory", force=True)
    assert again.manifest["counts"]["total"]["dropped"] == 2
    assert (again.measured, again.reused) == (0, 1)


def test_a_manifest_holds_the_policies_and_no_path(make, own, tmp_path):
    (tmp_path / "list.txt").write_text("evil.com\n")
    url = {"name": "url", "options": {"lists": [str(tmp_path / "*.txt")]}}
    found = make(annotate=["text", url], decide=[own()])
    manifest = run.run(found, tmp_path / "out", mode="memory").manifest
    assert manifest["policies"] == {"own": POLICY}
    assert manifest["config"]["decide"][0]["name"] == "own"
    assert str(tmp_path) not in json.dumps(manifest)


def test_what_a_list_says_is_part_of_the_input(make, tmp_path):
    (tmp_path / "list.txt").write_text("evil.com\n")
    url = {"name": "url", "options": {"lists": [str(tmp_path / "*.txt")]}}

    def fingerprint() -> str:
        job = run.plan(make(annotate=[url]), tmp_path / "out")
        return measure_fingerprint(job, job.shards[0])

    before = fingerprint()
    assert fingerprint() == before
    (tmp_path / "list.txt").write_text("bad.com\n")
    assert fingerprint() != before


def test_a_measured_shard_depends_on_the_bands_and_not_on_the_similarity(make, tmp_path):
    def fingerprint(**near) -> str:
        job = run.plan(make(dedup={"near": near}), tmp_path / "out")
        return measure_fingerprint(job, job.shards[0])

    assert fingerprint(jaccard=0.7) == fingerprint(jaccard=0.8)
    assert fingerprint(containment=0.5) == fingerprint(containment=0.7) != fingerprint()
    assert fingerprint(bands=7) != fingerprint(bands=14)


def test_an_error_of_the_plan_is_one_of_ours(make, tmp_path):
    with pytest.raises(CastorError, match="no annotator named 'txt'"):
        run.plan(make(annotate=["txt"]), tmp_path / "out")


@pytest.fixture(scope="module")
def finished_once(rows, tmp_path_factory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("finished")
    (folder / "own.yaml").write_text(yaml.safe_dump(POLICY))
    found = made(folder, rows, annotate=["text"], decide=[str(folder / "own.yaml")])
    run.run(found, folder / "out", mode="memory")
    return folder / "out"


@pytest.fixture
def finished(finished_once, tmp_path) -> pathlib.Path:
    """A finished run over `rows`: one row kept, one dropped."""
    return pathlib.Path(shutil.copytree(finished_once, tmp_path / "finished"))


def reading(folder: pathlib.Path) -> recipe.Recipe:
    return recipe.load("dedup", [f"input={folder}", "kind=dataset"])


def test_a_dataset_is_what_its_manifest_says(finished, tmp_path):
    extra = finished / "kept" / "part-00099.parquet"
    extra.write_bytes(b"of somebody else's")
    for folder in (finished, finished / "kept"):
        job = run.plan(reading(folder), tmp_path / "out")
        assert [f.path for s in job.shards for f in s.files] == ["part-00000.parquet"]


def test_rows_that_were_not_kept_cannot_be_read_again(finished, tmp_path):
    with pytest.raises(ConfigError, match=r"only kept rows can be read again.*dropped rows") as e:
        run.plan(reading(finished / "dropped"), tmp_path / "out")
    assert "kept/" in str(e.value)


def test_a_bit_that_fell_in_a_dataset_ends_the_run_that_reads_it(finished, tmp_path):
    shard = finished / "kept" / "part-00000.parquet"
    data = bytearray(shard.read_bytes())
    data[data.index(b"parquet-cpp")] ^= 1  # in the footer, which no checksum of a page covers
    shard.write_bytes(data)
    with pytest.raises(CastorError, match=r"a shard is damaged, in .*part-00000.*digest"):
        run.run(reading(finished), tmp_path / "out", mode="memory")
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_shard_that_is_missing_is_found_before_anything_runs(finished, tmp_path):
    (finished / "kept" / "part-00000.parquet").unlink()
    with pytest.raises(CastorError, match="a shard is missing"):
        run.run(reading(finished), tmp_path / "out", mode="memory")
    assert not (tmp_path / "out").exists()


def test_a_run_does_not_read_what_it_writes(make, finished, rows):
    with pytest.raises(ConfigError, match="the output folder lies inside the input"):
        run.run(make(), rows / "out", mode="memory")
    assert not (rows / "out").exists()
    with pytest.raises(ConfigError, match="the input is what this run would write"):
        run.run(reading(finished), finished, mode="memory", force=True)
    assert (finished / "manifest.json").is_file()


@pytest.mark.parametrize("damage", ["a shard", "a manifest", "the manifest", "a list"])
def test_a_finished_run_that_was_damaged_is_rebuilt_by_the_same_command(
    make, own, finished, damage
):
    path = (
        finished
        / {
            "a shard": "kept/part-00000.parquet",
            "a manifest": "kept/manifest.json",
            "the manifest": "manifest.json",
            "a list": "inputs.jsonl",
        }[damage]
    )
    before = path.read_bytes()
    path.write_bytes(before[: len(before) // 2])
    done = run.run(make(annotate=["text"], decide=[own()]), finished, mode="memory")
    assert (done.skipped, done.measured) == (False, 0)
    assert path.read_bytes() == before


def test_benchmarks_that_cannot_be_read_leave_all_as_it_was(make, finished, tmp_path):
    bench = tmp_path / "bench"
    bench.mkdir()
    (bench / "binary.jsonl").write_bytes(b"\xff\xfe\xff")
    found = make(annotate=["text"], decontaminate={"against": str(bench)})
    with pytest.raises(ConfigError, match="a benchmark file cannot be read"):
        run.run(found, tmp_path / "new", mode="memory")
    assert not (tmp_path / "new").exists()
    with pytest.raises(ConfigError, match="a benchmark file cannot be read"):
        run.run(found, finished, mode="memory", force=True)
    assert (finished / "manifest.json").is_file()


def test_a_run_in_this_process_is_watched_while_it_works(make, tmp_path):
    seen = []
    run.run(make(), tmp_path / "out", mode="memory", watch=lambda job, t: seen.append(t))
    assert seen[-1]["write"].shards == 1


def test_one_shard_needs_one_worker(make, tmp_path):
    out = tmp_path / "out"
    run.run(make(), out)
    assert json.loads((out / "run.json").read_text())["workers"] == 1


def test_a_run_killed_right_after_its_manifest_is_finished(make, own, tmp_path, monkeypatch):
    out = tmp_path / "out"
    found = make(annotate=["text"], decide=[own()])
    engine = run._engine

    def killed(*arguments, **options):
        engine(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "_engine", killed)
    with pytest.raises(KeyboardInterrupt):
        run.run(found, out, mode="memory")
    assert (out / "manifest.json").is_file()
    assert run.run(found, out, mode="memory").skipped
    build(out)
    assert summary(out)["seconds"] is None
