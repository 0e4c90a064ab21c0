"""The log and its meter: what a line says, and that it goes on without doubles after a stop."""

import json

import numpy as np
import pytest

from castor.filters.errors import CastorError
from castor.model import run_log
from castor.model.config import ModelConfig
from castor.model.meter import Meter
from castor.model.run_log import RunLog

MODEL = ModelConfig(layers=2, d_model=8, heads=2, vocab_size=16)


def metrics(loss, *, by_source=(1.0, 3.0), tokens=(30.0, 10.0), finite=True, norm=0.5, update=0.1):
    return {
        "loss": np.float32(loss),
        "loss_by_source": np.array(by_source, np.float32),
        "tokens_by_source": np.array(tokens, np.float32),
        "grad_norm": np.float32(norm),
        "update_norm": np.float32(update),
        "lr": np.float32(1e-3),
        "finite": np.bool_(finite),
        "router": {"load": np.array([[0.25, 0.75]]), "load_max": np.float32(1.5),
                   "entropy": np.float32(0.6), "dropped": np.float32(0.125)},
    }  # fmt: skip


def meter(state=None):
    return Meter(["books", "web"], [8, 0], rows=2, length=32, state=state)


def line(m, step):
    return m.line(step, MODEL, "cpu", 1)


def test_a_line_is_the_mean_over_its_steps_by_tokens():
    m = meter()
    m.add(1, metrics(1.5), np.array([2, 0]))
    m.add(2, metrics(0, by_source=(2.0, np.nan), tokens=(10.0, 0.0)), np.array([1, 1]))
    found = line(m, 2)
    assert found["loss"] == pytest.approx((30 * 1 + 10 * 3 + 10 * 2) / 50)
    assert found["loss_by_source"] == {"books": pytest.approx(50 / 40), "web": 3}
    assert found["loss_tokens_by_source"] == {"books": 40, "web": 10}
    assert found["epochs"] == {"books": 3 / 8, "web": 0}
    assert found["tokens"] == 2 * 2 * 32
    assert found["router"]["load"] == [[0.25, 0.75]]
    assert found["router"]["dropped"] == 0.125
    assert found["mfu"] is None
    assert found["peak_flops"] is None
    json.dumps(found, allow_nan=False)
    m.add(3, metrics(0, by_source=(2.0, np.nan), tokens=(10.0, 0.0)), np.array([2, 0]))
    found = line(m, 3)
    assert found["loss_by_source"] == {"books": 2}  # a source without a token has no loss
    assert found["epochs"]["books"] == 5 / 8


def test_a_peak_that_is_known_gives_a_utilisation():
    m = meter()
    for step in (1, 2):
        m.add(step, metrics(1), np.array([2, 0]))
    found = m.line(2, MODEL, "NVIDIA H200", 4)
    assert found["peak_flops"] == 989e12
    assert 0 < found["mfu"] < 1
    assert "6 N" in found["mfu_convention"]


def test_the_state_goes_through_json_and_changes_no_line():
    one, two = meter(), meter()
    for step in range(1, 6):
        loss = metrics(step / 3, by_source=(step / 7, step / 3))
        if step == 4:
            two = meter(json.loads(json.dumps(two.state)))
        one.add(step, loss, np.array([1, 1]))
        two.add(step, loss, np.array([1, 1]))
    found = line(one, 5), line(two, 5)
    for line_ in found:
        line_.pop("tokens_per_s")
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("loss", "norm", "what"),
    [(np.nan, np.nan, "the loss"), (1.5, np.inf, "the gradient"), (1.5, 0.5, "the update")],
)
def test_a_step_that_is_not_finite_is_named_with_its_sources(loss, norm, what):
    m = meter()
    found = metrics(loss, by_source=(np.nan, 2.5), finite=False, norm=norm, update=np.inf)
    with pytest.raises(CastorError) as caught:
        m.add(7, found, np.array([1, 1]))
    message = str(caught.value)
    assert message.startswith(what)
    assert "step 7" in message
    assert "books nan, web 2.5" in message


def test_a_log_goes_on_after_the_step_that_is_resumed(tmp_path):
    path = tmp_path / "log.jsonl"
    with RunLog(path, step=0) as log:
        for step in (5, 10, 15):
            log.write({"step": step})
    with path.open("ab") as file:
        file.write(b'{"step": 2')  # what a kill leaves
    with RunLog(path, step=10) as log:
        log.write({"step": 15, "again": True})
    assert run_log.read(path) == [{"step": 5}, {"step": 10}, {"step": 15, "again": True}]
    with RunLog(path, step=0):
        assert run_log.read(path) == []


def test_a_line_is_there_as_soon_as_it_is_written(tmp_path):
    log = RunLog(tmp_path / "log.jsonl", step=0)
    log.write({"step": 1})
    assert run_log.read(tmp_path / "log.jsonl") == [{"step": 1}]
    log.close()


def test_a_damaged_log_is_named_and_stays(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1}\n{"loss": 2}\n{"step": 3}\n')
    with pytest.raises(CastorError, match="damaged") as caught:
        RunLog(path, step=2)
    assert "line 2" in str(caught.value)
    assert path.read_text().count("\n") == 3
