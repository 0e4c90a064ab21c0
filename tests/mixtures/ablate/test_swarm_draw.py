import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from castor.filters.errors import CastorError, ConfigError
from castor.mixtures.ablate import swarm

NATURAL = {"web": 0.7, "books": 0.2, "code": 0.1}
names = st.sampled_from(["web", "books", "code", "images", "wiki", "papers"])
shares = st.dictionaries(names, st.floats(0.01, 1), min_size=2)


@given(shares, st.integers(3, 24), st.integers(0, 2**31 - 1))
def test_every_run_is_a_mixture_and_no_two_are_alike(natural, runs, seed):
    drawn = swarm.draw(natural, runs=runs, seed=seed)
    assert len(drawn) == runs
    assert len({tuple(sorted(m.items())) for m in drawn}) == runs
    for mixture in drawn:
        assert set(mixture) == set(natural)
        assert sum(mixture.values()) == pytest.approx(1, abs=1e-9)
        assert all(w == 0 or w >= 1e-3 for w in mixture.values())


def test_the_order_of_the_names_does_not_matter_and_the_seed_does():
    one = swarm.draw(NATURAL, runs=12, seed=5)
    two = swarm.draw(dict(reversed(NATURAL.items())), runs=12, seed=5)
    assert one == two
    assert one != swarm.draw(NATURAL, runs=12, seed=6)


def test_natural_proportions_uniform_and_the_prior_always_run():
    prior = {"web": 0.2, "books": 0.2, "code": 0.6}
    drawn = swarm.draw(NATURAL, runs=6, seed=0, prior=prior)
    assert drawn[0] == pytest.approx(NATURAL)
    assert drawn[1] == pytest.approx(dict.fromkeys(NATURAL, 1 / 3), abs=1e-6)
    assert drawn[2] == pytest.approx(prior)


@given(st.floats(0.2, 0.5), st.integers(0, 1000))
def test_no_run_is_above_a_cap(cap, seed):
    drawn = swarm.draw(NATURAL, runs=10, seed=seed, caps={"web": cap})
    assert max(m["web"] for m in drawn) <= cap + 1e-12


def test_a_small_concentration_gives_corners_and_a_large_one_the_prior():
    def spread(strength):
        drawn = swarm.draw(NATURAL, runs=60, seed=0, concentration=(strength, strength))
        return np.mean([max(m.values()) for m in drawn[2:]])

    assert spread(0.1) > 0.8
    assert spread(1000.0) < 0.56  # around the flattened prior, whose largest share is .52


def test_a_temperature_flattens_what_is_drawn_around():
    def mean_code(temperature):
        drawn = swarm.draw(NATURAL, runs=300, seed=0, concentration=(5, 5), temperature=temperature)
        return np.mean([m["code"] for m in drawn[2:]])

    assert mean_code(1.0) == pytest.approx(0.1, abs=0.02)
    flat = np.sqrt([0.7, 0.2, 0.1])
    assert mean_code(2.0) == pytest.approx(flat[2] / flat.sum(), abs=0.02)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"natural": {"a": 1.0, "b": 0.0}}, "domains without tokens: got b"),
        ({"prior": {"web": 1.0, "books": 1.0}}, "prior weight names other domains: got code"),
        ({"prior": NATURAL | {"code": 0.0}}, "without prior weight"),
        ({"runs": 1}, "more runs than the 2 baselines"),
        ({"caps": {"web": 0.2, "books": 0.2, "code": 0.2}}, "too few tokens"),
    ],
)
def test_wrong_settings_are_refused(arguments, message):
    arguments = {"natural": NATURAL, "runs": 6, "seed": 0} | arguments
    with pytest.raises(ConfigError, match=message):
        swarm.draw(**arguments)


def test_caps_that_leave_one_mixture_are_an_error_and_no_endless_loop():
    half = {"a": 0.5, "b": 0.5}
    with pytest.raises(CastorError, match="cannot draw 6 different mixtures"):
        swarm.draw(half, runs=6, seed=0, caps={"a": 0.5, "b": 0.5})
