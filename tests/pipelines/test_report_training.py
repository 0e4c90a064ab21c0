"""What the report says of a training: its facts, curves and scores, from the files it left."""

import json
import re

import pytest

from castor.filters import outputs
from castor.filters.errors import CastorError
from castor.pipelines.report import training

MODEL = {
    "layers": 4, "d_model": 64, "heads": 4, "kv_heads": 1, "experts": 2, "top_k": 1,
    "moe_every": 2,
}  # fmt: skip
SCORE = {
    "documents": 3, "tokens": 40, "bytes": 100, "bits_per_byte": 1.25,
    "unigram_bits_per_byte": {"own": 2.5, "all": None},
}  # fmt: skip


def line(step, **change):
    made = {
        "step": step,
        "tokens": 100 * step,
        "loss": 5.0 - step / 10,
        "loss_by_source": {"web": 4.0, "books": 6.0},
        "router": {"load_max": 1.5, "dropped": 0.25, "load": [[0.25, 0.75], [0.5, 0.5]]},
    }
    return made | change


def folder(tmp_path, log, *, model=MODEL, evaluation=None):
    out = tmp_path / "train"
    out.mkdir()
    (out / "log.jsonl").write_text("".join(json.dumps(r) + "\n" for r in log))
    if evaluation:
        (out / "evaluation.json").write_text(json.dumps(evaluation))
    parameters = {"total": 12_345, "active": 6_789, "embedding": 100}
    outputs.write(out, "training", {"config": {"model": model}}, parameters=parameters)
    return tmp_path


def tips(markup):
    return re.findall(r"<title>([^<]*)</title>", str(markup))


def test_curves_end_where_the_log_does(tmp_path):
    first = line(5, router={"load_max": 2.0, "dropped": 0.5, "load": [[1.0, 0.0], [1.0, 0.0]]})
    found = training.section(folder(tmp_path, [first, line(10)]))
    assert tips(found["loss"]) == ["all: 4 at 1 k", "books: 6 at 1 k", "web: 4 at 1 k"]
    assert tips(found["router"]) == [
        "greatest load of an expert, 1 is even: 1.5 at 1 k",
        "share of assignments dropped: 0.25 at 1 k",
    ]
    assert found["load"] == [
        ("layer 1", [0.5, 1.5]),
        ("layer 2", [1.0, 1.0]),
    ]
    facts = dict(found["facts"])
    assert facts["parameters"] == "12,345, of which 6,789 are active"
    assert facts["experts"] == "2, 1 for each token, in every second layer"
    assert (facts["steps"], facts["tokens"]) == ("10", "1,000")
    assert (found["scores"], found["position"]) == (None, None)


def test_a_source_that_came_late_has_a_shorter_curve(tmp_path):
    log = [line(5, loss_by_source={"web": 4.0}, loss=None), line(10)]
    loss = training.section(folder(tmp_path, log))["loss"]
    assert len(re.findall("<circle", str(loss))) == 2  # all and books: one point each


def test_a_dense_model_has_no_router(tmp_path):
    dense = line(5)
    del dense["router"]
    found = training.section(folder(tmp_path, [dense], model=MODEL | {"experts": 0}))
    assert (found["router"], found["load"]) == (None, None)
    assert "experts" not in dict(found["facts"])


def test_scores_of_what_was_held_out_and_all_of_it_last(tmp_path):
    none = SCORE | {"documents": 0, "bits_per_byte": None}
    points = [{"up_to": 2**i, "nll": 5.0 - i, "tokens": 10} for i in range(3)]
    evaluation = {
        "sources": {"web": SCORE, "empty": none},
        "total": SCORE,
        "nll_by_position": points,
    }
    found = training.section(folder(tmp_path, [line(5)], evaluation=evaluation))
    assert [row["name"] for row in found["scores"]] == ["web", "all"]
    assert tips(found["position"]) == ["mean loss up to a position: 3 at 4"]


def test_nothing_trained_is_no_section_and_a_damaged_log_an_error(tmp_path):
    assert training.section(tmp_path) is None
    out = folder(tmp_path, [line(5)])
    (out / "train" / "log.jsonl").write_text("{")
    with pytest.raises(CastorError, match="cannot read the log"):
        training.section(out)
