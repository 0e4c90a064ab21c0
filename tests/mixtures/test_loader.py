"""Batches do not depend on hosts, threads, where a run was left, or who reads them."""

import dataclasses
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from tokens import make_tokens

from castor.filters.errors import CastorError, ConfigError
from castor.mixtures.compile import compile_mixture
from castor.mixtures.compiled import open_mixture
from castor.mixtures.loader import Loader
from castor.mixtures.pack import PACKINGS, build_index, row_source
from castor.mixtures.plan import Plan, PlanStage
from castor.mixtures.tokens import open_tokens

LENGTH = 32
PACKING = {"books": "best-fit", "pictures": "concat-chunk", "web": "concat-chunk"}


@dataclasses.dataclass
class Mixture:
    """What the loader needs of a compiled mixture."""

    plan: Any
    sources: list
    soft_dims: dict
    sequences: int
    sequence_length: int = LENGTH


@pytest.fixture(scope="module")
def mixture(tmp_path_factory):
    """Three sources, one with media, in two stages: 12 blocks of 24 rows."""
    folder = tmp_path_factory.mktemp("mixture")
    sizes = {"books": 1500, "pictures": 700, "web": 2500}
    tokens = open_tokens(make_tokens(folder / "t", sizes, parts=2, media=("pictures",)))
    sources = []
    for name in tokens.names:
        build_index(tokens.source(name), PACKING[name], LENGTH, folder / name)
        sources.append(row_source(tokens.source(name), PACKING[name], LENGTH, folder / name))
    shares = [(0.2, 0.2, 0.6), (0.6, 0.4, 0.0)]
    stages = [PlanStage(6, s, s) for s in shares]
    plan = Plan(tokens.names, [s.rows for s in sources], stages, seed=3, block=24)
    return Mixture(plan, sources, dict(tokens.soft_dims), plan.sequences)


def assert_equal(one, two):
    assert one.keys() == two.keys()
    for name in one:
        assert one[name].dtype == two[name].dtype
        np.testing.assert_array_equal(one[name], two[name], name)


def joined(batches):
    """What the hosts have of one batch, as one."""
    return {name: np.concatenate([b[name] for b in batches]) for name in batches[0]}


def test_a_batch_is_the_rows_that_the_plan_names(mixture):
    loader = Loader(mixture, 8)
    assert loader.steps == mixture.sequences // 8 == 36
    seen = set()
    for step in range(loader.steps):
        batch = loader.batches(step)
        source, _, row = mixture.plan.locate(np.arange(8 * step, 8 * step + 8))
        np.testing.assert_array_equal(batch["source"], source)
        for i in range(8):
            alone = mixture.sources[source[i]].gather(row[i : i + 1])
            for name in ("inputs", "targets", "segment_ids", "positions", "loss_mask"):
                np.testing.assert_array_equal(batch[name][i], alone[name][0])
            for modality in mixture.soft_dims:
                index = batch[f"soft_{modality}_index"][i]
                if f"soft_{modality}" in alone:
                    np.testing.assert_array_equal(
                        batch[f"soft_{modality}"][i], alone[f"soft_{modality}"][0]
                    )
                    np.testing.assert_array_equal(index, alone[f"soft_{modality}_index"][0])
                else:
                    assert (index == -1).all()
        seen |= set(source.tolist())
    assert seen == {0, 1, 2}


def test_the_same_batch_has_the_same_arrays_whatever_is_in_it(mixture):
    loader = Loader(mixture, 1)
    shapes = {
        tuple((name, a.dtype, a.shape) for name, a in loader.batches(step).items())
        for step in range(24)
    }
    assert len(shapes) == 1
    (found,) = shapes
    names = [name for name, _, _ in found]
    assert names[:6] == [*"inputs targets segment_ids positions loss_mask source".split()]
    assert sorted(names[6:]) == sorted(
        name for m in ("image", "audio") for name in (f"soft_{m}", f"soft_{m}_index")
    )


@pytest.mark.parametrize("hosts", [2, 8])
def test_the_hosts_together_have_the_batch_of_one(mixture, hosts):
    alone = Loader(mixture, 16)
    loaders = [Loader(mixture, 16, host=h, hosts=hosts, threads=0) for h in range(hosts)]
    for step, parts in enumerate(zip(*loaders, strict=True)):
        assert all(len(p["source"]) == 16 // hosts for p in parts)
        assert_equal(joined(parts), alone.batches(step))
    assert step == alone.steps - 1


@pytest.mark.parametrize("grain", [True, False])
@pytest.mark.parametrize("threads", [0, 1, 3])
def test_reading_ahead_gives_the_batches_in_order_to_the_end(mixture, grain, threads):
    loader = Loader(mixture, 20, threads=threads, grain=grain)  # 288 rows: 8 are left over
    direct = Loader(mixture, 20)
    assert loader.steps == 14
    for step in range(14):
        assert loader.state == step
        assert_equal(next(loader), direct.batches(step))
    assert loader.state == 14
    for _ in range(2):
        with pytest.raises(StopIteration):
            next(loader)
    assert list(Loader(mixture, 20, state=14, grain=grain)) == []


@pytest.mark.parametrize("grain", [True, False])
def test_a_run_goes_on_where_it_was_left_on_any_number_of_hosts(mixture, grain):
    every = list(Loader(mixture, 16, grain=grain))
    for left in (0, 1, 7, len(every) - 1):
        first = Loader(mixture, 16, host=1, hosts=4, grain=grain)
        for _ in range(left):
            next(first)
        state = first.state
        assert state == left
        for hosts in (1, 2, 8):
            loaders = [
                Loader(mixture, 16, host=h, hosts=hosts, state=state, threads=1, grain=grain)
                for h in range(hosts)
            ]
            for expected in every[left : left + 3]:
                assert_equal(joined([next(one) for one in loaders]), expected)
            for one in loaders:
                one.close()


def test_it_goes_on_after_it_was_closed(mixture):
    for grain in (True, False):
        loader = Loader(mixture, 16, grain=grain)
        next(loader)
        loader.close()
        loader.close()
        assert_equal(next(loader), Loader(mixture, 16).batches(1))


def test_closing_ends_its_threads(mixture):
    before = set(threading.enumerate())
    for grain in (True, False):
        loader = Loader(mixture, 16, grain=grain, threads=3)
        next(loader)
        loader.close()
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize("grain", [True, False])
def test_a_fault_is_raised_and_never_looks_like_the_end(mixture, grain):
    class Fails:
        broken = True

        def locate(self, index):
            if self.broken and index[0] >= 32:
                raise CastorError("a file is damaged", where="part-00000.ids")
            return mixture.plan.locate(index)

    plan = Fails()
    loader = Loader(dataclasses.replace(mixture, plan=plan), 16, grain=grain)
    next(loader), next(loader)
    for _ in range(2):
        with pytest.raises(CastorError, match=r"a file is damaged, in part-00000\.ids"):
            next(loader)
    assert loader.state == 2
    plan.broken = False
    assert_equal(next(loader), Loader(mixture, 16).batches(2))


@pytest.mark.parametrize(
    ("rows", "options", "why"),
    [
        (10, {"hosts": 4}, r"cannot be shared equally.*10 rows for 4 hosts\n.*a multiple of 4"),
        (0, {}, "0 rows for 1 hosts"),
        (8, {"host": 2, "hosts": 2}, "no such host: got host 2 of 2"),
        (8, {"hosts": 0}, "no such host"),
        (8, {"state": 37}, "outside the mixture: got batch 37 of 36"),
        (8, {"state": -1}, "outside the mixture"),
        (300, {}, r"shorter than one batch, in batch_rows: got 288 sequences for 300 rows"),
        (8, {"threads": -1}, "threads"),
    ],
)
def test_what_cannot_be_is_told_at_once(mixture, rows, options, why):
    with pytest.raises(ConfigError, match=why):
        Loader(mixture, rows, **options)


def test_batches_outside_the_mixture_do_not_exist(mixture):
    for step in (-1, 36):
        with pytest.raises(IndexError, match="of 36"):
            Loader(mixture, 8).batches(step)


ALONE = """
import sys
sys.modules["grain"] = None  # as if it were not installed
from castor.mixtures import loader
assert loader.grain_is_here() is False
"""


def test_it_reads_by_threads_of_its_own_where_grain_is_absent():
    done = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_grain_is_imported_only_when_it_reads():
    code = "import sys, castor.mixtures.loader as l; assert 'grain' not in sys.modules"
    code += "; assert l.grain_is_here(); assert 'grain' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


SPEC = """
castor: 1
name: two
seed: 5
sequence_length: 32
sources:
  web: {tokens: t}
  pictures: {tokens: t, max_epochs: 9}
packing: PACKING
block: 16
stages:
  - {name: all, until_tokens: 4096, rule: explicit, weights: {web: .75, pictures: .25}}
"""


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_compiled_mixture_is_read(tmp_path, packing):
    make_tokens(tmp_path / "t", {"web": 2000, "pictures": 900}, media=("pictures",))
    (tmp_path / "spec.yaml").write_text(SPEC.replace("PACKING", packing), "utf-8")
    compile_mixture(tmp_path / "spec.yaml", tmp_path / "out")
    compiled = open_mixture(tmp_path / "out")
    batches = list(Loader(compiled, 16))
    assert len(batches) == 8
    for step, batch in enumerate(batches):
        counts = np.bincount(batch["source"], minlength=2)
        assert dict(zip(compiled.names, counts.tolist())) == {"web": 12, "pictures": 4}
        shown = batch["soft_image_index"].max(1) >= 0
        assert set(batch["source"][shown]) <= {compiled.names.index("pictures")}
        parts = [Loader(compiled, 16, host=h, hosts=2).batches(step) for h in (0, 1)]
        assert_equal(joined(parts), batch)
    assert any((b["soft_image_index"] >= 0).any() for b in batches)
