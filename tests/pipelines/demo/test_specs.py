"""The configurations that the demonstration writes: valid, and fit for what was encoded."""

import dataclasses

import pytest
import tokens as token_maker

from castor.filters.errors import CastorError
from castor.mixtures.ablate import spec as ablations
from castor.mixtures.compile import preview_mixture
from castor.pipelines.demo import specs

SIZE = specs.Size(sequence_length=32, batch_rows=8, steps=100, planted_tokens=3_000)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with tokens of four sources, of which one is too small to be planted."""
    folder = tmp_path_factory.mktemp("specs")
    sizes = {"poems": 9_000, "books": 5_000, "web": 6_000, "notes": 500}
    token_maker.make_tokens(folder / "tokens", sizes)
    return folder


def test_the_mixture_raises_its_late_domain(made):
    path = made / "mixture.yaml"
    path.write_text(specs.mixture(made / "tokens", SIZE))
    preview = preview_mixture(path)
    assert preview["problems"] == []
    broad, late = (stage["sources"] for stage in preview["stages"])
    assert late["books"]["last"] == pytest.approx(0.4, abs=1e-3)
    assert late["books"]["share"] > broad["books"]["share"]
    assert preview["total"]["sources"]["books"]["raise"] > 1.1


def test_the_mixture_lasts_for_the_training(made):
    size = dataclasses.replace(SIZE, steps=101)
    path = made / "longer.yaml"
    path.write_text(specs.mixture(made / "tokens", size))
    assert preview_mixture(path)["total"]["tokens"] >= 101 * 8 * 32


def test_known_names_come_first_then_the_larger_ones(made):
    assert specs.planted(made / "tokens", SIZE) == ("web", ("books", "poems"))


def test_too_few_sources_are_named(made):
    size = specs.Size(planted_tokens=5_500)
    with pytest.raises(CastorError, match=r"web, poems with 5,500 tokens"):
        specs.planted(made / "tokens", size)


def test_the_ablation_is_valid(made):
    path = made / "ablation.yaml"
    path.write_text(specs.ablation(["books", "noise", "poems", "related"], specs.Size()))
    found = ablations.load(path)
    assert found.swarm.runs >= ablations.runs_needed(4)
    assert found.target_weights == {"target": 1.0}


def test_data_of_ones_own_has_room_for_many_scripts():
    assert specs.size_for(None) == specs.Size()
    assert specs.size_for("kit/").vocab_size > specs.Size().vocab_size
