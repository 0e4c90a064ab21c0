"""The token side of the demonstration, end to end and tiny: every folder, then the report."""

import json
import pathlib
import sysconfig

import pytest
import training

from castor.pipelines.demo import chain, specs
from castor.pipelines.verify import verify

pytestmark = pytest.mark.slow

SOURCES = {"code": "def {}(", "rows": "The module {} ", "books": "Chapter {} "}
TINY = specs.Size(
    vocab_size=700,
    image_codes=16,
    heldout=0.25,
    sequence_length=32,
    batch_rows=4,
    steps=64,
    layers=2,
    d_model=16,
    experts=2,
    planted_tokens=4_000,
    planted_heldout=1_000,
    swarm_runs=6,
    swarm_tokens=2_048,
    ablation_heldout=500,
    confirm_seeds=3,
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, castor):
    """A run over three sources of text: pieces of the standard library's modules."""
    folder = tmp_path_factory.mktemp("chain")
    library = pathlib.Path(sysconfig.get_paths()["stdlib"])
    modules = [p for p in sorted(library.glob("*.py")) if 8_000 < p.stat().st_size < 60_000][:36]
    recipe = ["castor: 1", "name: small", "sources:"]
    for i, (source, start) in enumerate(SOURCES.items()):
        rows = [
            {"id": p.stem, "text": start.format(p.stem) + p.read_text("utf-8")[:6_000]}
            for p in modules[i::3]
        ]
        path = folder / f"{source}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        recipe.append(f"  - {{name: {source}, kind: rows, input: {path}}}")
    (folder / "recipe.yaml").write_text("\n".join(recipe) + "\n")
    castor("run", folder / "recipe.yaml", folder / "out", "--workers", 1)
    return folder / "out"


@pytest.fixture(scope="module")
def done(dataset, tmp_path_factory):
    """The folder, and what the chain said of its steps."""
    with training.compiled_once(tmp_path_factory.mktemp("compiled")):
        return dataset, chain.run(dataset, size=TINY, workers=1, say=lambda line: None)


def test_every_step_is_done_and_leaves_what_it_names(done):
    out, steps = done
    assert [s.name for s in steps] == [
        "tokenizer", "scores", "tokens", "mixture", "ablation", "model", "evaluation",
    ]  # fmt: skip
    assert all(step.path.exists() and step.path.is_relative_to(out) for step in steps)
    for folder in ("tokenizer", "tokens", "mixture", "planted", "ablation", "train"):
        assert (out / folder / "manifest.json").is_file()


def test_the_folder_verifies(done):
    assert verify(done[0]) == []


def test_the_report_shows_all_of_it(done):
    page = (done[0] / "report.html").read_text("utf-8")
    for section in ("tokenizer", "mixture", "ablation", "training"):
        assert f'<section id="{section}"' in page
        assert f'<a href="#{section}">' in page
    training = page[page.index('<section id="training"') :]
    last = json.loads((done[0] / "train" / "log.jsonl").read_text().splitlines()[-1])
    assert f">{last['tokens']:,}<" in training
    for source in SOURCES:
        assert f"<title>{source}: " in training


def test_a_second_time_there_is_nothing_to_do(done):
    out, _ = done
    watched = ("tokenizer/tokenizer.model", "tokens/manifest.json", "ablation/runs.jsonl",
               "mixture/manifest.json", "train/manifest.json", "train/log.jsonl")  # fmt: skip
    before = [(out / name).stat().st_mtime_ns for name in watched]
    chain.run(out, size=TINY, workers=1, say=lambda line: None)
    assert [(out / name).stat().st_mtime_ns for name in watched] == before
