"""From a spec and the sizes of its sources to stages: lengths in blocks, shares, caps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixing import SPEC, explicit, stages

from castor.filters.configuration import typed
from castor.filters.errors import ConfigError, GateError
from castor.mixtures.resolve import resolve
from castor.mixtures.spec import MixtureSpec

ROWS = {"web": 600, "books": 90, "code": 210}  # 32 tokens each; a block is 32 rows, 1024 tokens


def resolved(rows=ROWS, sources=None, **changes):
    given_sources = {n: {"tokens": "t"} | (sources or {}).get(n, {}) for n in rows}
    spec = SPEC | {"sources": given_sources} | changes
    return resolve(typed({k: v for k, v in spec.items() if v is not None}, MixtureSpec, where="x"),
                   rows)  # fmt: skip


def shares(stage):
    return pytest.approx([stage.last[n] for n in ROWS])


def total_rows(found):
    return dict(zip(found.plan.names, found.plan.counts(np.array([found.plan.blocks]))[0]))


def test_ends_are_whole_blocks_the_nearest():
    found = resolved()  # 60,000 tokens are 58.6 blocks, 60 % of them 35.2
    assert [s.blocks for s in found.stages] == [35, 24]
    assert found.plan.sequences == 59 * 32


def test_ends_in_tokens():
    last = explicit(1, 1, 1, until_tokens="40k")
    found = resolved(budget=None, stages=stages(explicit(1, 1, 1, until_tokens=10_240), last))
    assert [s.blocks for s in found.stages] == [10, 29]
    assert found.budget is None


def test_a_budget_by_rule():
    found = resolved(budget={"rule": "ratio", "active_parameters": 3000})
    assert found.plan.sequences * 32 == pytest.approx(60_000, abs=512)
    assert found.budget.optimum == 60_000


def test_rules_make_weights_of_sizes():
    found = resolved(stages=stages(
        {"rule": "proportional", "until": 0.25},
        {"rule": "temperature", "temperature": 2, "until": 0.5},
        {"rule": "temperature", "temperature": 1, "limit": 210 * 32, "until": 0.75},
        explicit(2, 1, 1),
    ))  # fmt: skip
    assert shares(found.stages[0]) == [600 / 900, 90 / 900, 210 / 900]
    roots = np.sqrt([600, 90, 210])
    assert shares(found.stages[1]) == list(roots / roots.sum())
    assert shares(found.stages[2]) == [210 / 510, 90 / 510, 210 / 510]
    assert shares(found.stages[3]) == [0.5, 0.25, 0.25]


def test_unimax_takes_equal_parts_of_what_there_is():
    found = resolved(stages=stages({"rule": "unimax", "max_epochs": 2.5}))
    (stage,) = found.stages
    length = stage.blocks * 32
    assert shares(stage) == [(length - 750) / length, 225 / length, 525 / length]
    assert stage.capped == ("books", "code")
    assert stage.asked == pytest.approx(dict.fromkeys(ROWS, 1 / 3))


def test_unimax_takes_the_sources_own_limits_too():
    found = resolved(sources={"books": {"max_epochs": 1}}, stages=stages({"rule": "unimax"}))
    assert total_rows(found)["books"] == pytest.approx(90, abs=1)
    assert found.stages[0].capped == ("books",)


def test_what_cannot_be_delivered_is_an_error_unless_it_may_shrink():
    dry = stages({"rule": "unimax", "max_epochs": 1})
    with pytest.raises(GateError, match="run dry") as caught:
        resolved(stages=dry)
    assert "stage stage0" in str(caught.value)
    assert f"{59 * 1024 - 900 * 32:,} of {59 * 1024:,} tokens" in str(caught.value)
    assert caught.value.exit_code == 3
    shrunk = resolved(stages=stages({"rule": "unimax", "max_epochs": 1, "shrink": True}))
    assert (shrunk.stages[0].blocks, shrunk.stages[0].asked_blocks) == (900 // 32, 59)
    assert shrunk.plan.sequences == 28 * 32


def test_caps_by_water_filling():
    found = resolved(
        sources={"books": {"max_epochs": 4}}, stages=stages(explicit(1, 2, 1, cap="water-fill"))
    )
    assert total_rows(found)["books"] == pytest.approx(360, abs=1)
    (stage,) = found.stages
    assert stage.capped == ("books",)
    assert stage.asked["books"] == 0.5
    assert stage.last["web"] == pytest.approx(stage.last["code"])
    assert found.plan.sequences == 59 * 32


def test_caps_hold_over_all_stages():
    """What a source gives in one stage is not there in the next; what it gave with no cap too."""
    found = resolved(
        sources={"books": {"max_epochs": 4}},
        stages=stages(explicit(2, 1, 1, until=0.5), explicit(1, 8, 1, cap="water-fill")),
    )
    assert total_rows(found)["books"] == pytest.approx(360, abs=1)


def test_a_stage_has_caps_of_its_own():
    found = resolved(stages=stages(explicit(1, 4, 1, cap="water-fill", max_epochs=3, until=0.5),
                                   explicit(1, 4, 1)))  # fmt: skip
    assert found.stages[0].last["books"] == pytest.approx(270 / (found.stages[0].blocks * 32))
    assert found.stages[1].last["books"] == pytest.approx(4 / 6)


def test_a_ramp_is_capped_by_its_mean():
    found = resolved(
        sources={"books": {"max_epochs": 4}},
        stages=stages(
            explicit(8, 1, 1, until=0.5), explicit(1, 8, 1, cap="water-fill", ramp="linear")
        ),
    )
    assert found.stages[1].capped == ("books",)
    assert total_rows(found)["books"] == pytest.approx(360, abs=1)
    assert found.stages[1].first == found.stages[0].last


def test_unimax_on_a_ramp_counts_what_its_beginning_reads():
    found = resolved(
        sources={"books": {"max_epochs": 3}},
        stages=stages(
            explicit(1, 0, 1, until=0.2),
            explicit(4, 1, 1, until=0.4),
            {"rule": "unimax", "ramp": "linear"},
        ),
    )
    last = found.stages[2].last
    assert found.stages[2].capped == ("books",)
    assert total_rows(found)["books"] == pytest.approx(270, abs=1)
    assert last["web"] == pytest.approx(last["code"])
    assert last["books"] < last["web"]


def test_what_a_ramp_has_read_is_not_there_after_it():
    found = resolved(
        sources={"books": {"max_epochs": 6}},
        stages=stages(
            explicit(1, 0, 1, until=0.3),
            explicit(1, 3, 1, until=0.6, ramp="linear"),
            explicit(0, 1, 1, cap="water-fill"),
        ),
    )
    assert found.stages[2].capped == ("books",)
    assert total_rows(found)["books"] == pytest.approx(540, abs=1)


def test_strict_keeps_the_ratios_and_shortens():
    found = resolved(
        sources={"books": {"max_epochs": 2}}, stages=stages(explicit(1, 1, 2, cap="strict"))
    )
    (stage,) = found.stages
    assert shares(stage) == [0.25, 0.25, 0.5]
    assert stage.blocks == 180 * 4 // 32
    assert stage.capped == ("books",)


def test_water_filling_may_shrink():
    limits = {n: {"max_epochs": 1} for n in ROWS}
    dry = stages(explicit(1, 1, 1, cap="water-fill"))
    with pytest.raises(GateError, match="run dry"):
        resolved(sources=limits, stages=dry)
    found = resolved(
        sources=limits, stages=stages(explicit(1, 1, 1, cap="water-fill", shrink=True))
    )
    assert found.stages[0].blocks == 900 // 32
    assert shares(found.stages[0]) == [600 / 900, 90 / 900, 210 / 900]


def test_nothing_left_for_a_stage():
    with pytest.raises(GateError, match="less than a block") as caught:
        resolved(
            sources={"books": {"max_epochs": 1}},
            stages=stages(explicit(1, 1, 1, until=0.5), explicit(0, 1, 0, cap="strict")),
        )
    assert "books" in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"stages": stages(explicit(1, 1, 1, until=0.5), explicit(1, 1, 1, until=0.5),
                           explicit(1, 1, 1))}, "one after the other"),
        ({"stages": stages(explicit(1, 1, 1, until=0.5), explicit(1, 1, 1, until=0.501),
                           explicit(1, 1, 1))}, "shorter than a block"),
        ({"budget": {"tokens": 100}}, "shorter than a block"),
        ({"block": 8}, "too small for so many sources"),
    ],
)  # fmt: skip
def test_lengths_that_do_not_work(changes, told):
    with pytest.raises(ConfigError, match=told):
        resolved(**changes)


@given(
    st.lists(st.tuples(st.floats(0.01, 5), st.integers(1, 2000), st.floats(0.5, 6)),
             min_size=1, max_size=8),
    st.integers(20, 120),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_water_filling_never_goes_over(sources, blocks):
    """Whatever weights, sizes and limits: no source is read more than its limit, or it says so."""
    rows = {f"s{i}": n for i, (_, n, _) in enumerate(sources)}
    limits = {f"s{i}": {"max_epochs": e} for i, (_, _, e) in enumerate(sources)}
    weights = {f"s{i}": w for i, (w, _, _) in enumerate(sources)}
    stage = {"rule": "explicit", "weights": weights, "cap": "water-fill"}
    changes = {"block": 64, "budget": {"tokens": blocks * 64 * 32}, "stages": stages(stage)}
    enough = sum(rows[n] * limits[n]["max_epochs"] for n in rows) >= blocks * 64
    try:
        found = resolved(rows=rows, sources=limits, **changes)
    except GateError:
        assert not enough
        return
    for name, n in total_rows(found).items():
        assert n <= rows[name] * limits[name]["max_epochs"] + 1
    assert found.plan.sequences == blocks * 64
