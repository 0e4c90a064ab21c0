"""The Beam side of a fan-out: one step, whose elements are the numbers of items."""

from __future__ import annotations

import functools
import pathlib
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam

from castor.filters import storage
from castor.pipelines import progress
from castor.pipelines.engines.call import named
from castor.pipelines.engines.fanout import result_path
from castor.pipelines.engines.orphan import end_with_the_driver

Pair = tuple[int, int]


def build(pipeline: beam.Pipeline, plan: str, numbers: Iterable[int]) -> None:
    """Adds the steps of a fan-out to an empty pipeline.

    Args:
        plan: the file that `fanout.run` wrote.
        numbers: the items to do, in order.
    """
    _ = (
        pipeline
        | "Items" >> beam.Create([(n, 0) for n in numbers]).with_output_types(Pair)
        | "Do" >> beam.ParDo(Do(plan)).with_output_types(Pair)
    )


class Do(beam.DoFn):
    """Item number -> the same, once its result is kept; pickles as the path of its plan."""

    def __init__(self, plan: str) -> None:
        self._plan = plan

    def setup(self) -> None:
        """Loads the plan, once per worker."""
        end_with_the_driver()
        self._data = _load(self._plan)
        self._work = pathlib.Path(self._data["work"])
        with progress.reporting(self._work):
            self._function = named(self._data["function"])

    def process(self, element: Pair) -> Iterator[Pair]:
        """Does one item."""
        number, data = element[0], self._data
        tell = functools.partial(progress.tell, self._work, data["stage"])
        with progress.reporting(self._work):
            result = self._function(data["items"][number], data["common"], tell)
            value = {"fingerprint": data["fingerprints"][number], "result": result}
            folder = self._work / "results" / data["stage"]
            storage.write_json(result_path(folder, number), value)
            tell(shards=1)
        yield element


@functools.lru_cache(maxsize=2)
def _load(path: str) -> Any:
    return storage.read_json(pathlib.Path(path))
