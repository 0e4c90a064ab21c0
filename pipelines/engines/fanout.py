"""Fan-out: one function over many shards, on the local engines, each shard done once.

    fan = FanOut("castor.pipelines.tokens.count:count_shard", "count", 1, items, common, sizes)
    results = fanout.run(fan, work=out / ".work", out=out).results

The function is `(item, common, tell) -> result`. An item is a small JSON value that says which
shard to read, `common` is what all items share, the result is a small JSON value; what is large
the function writes to a file of its own, whole or not at all, and names in the result. So what a
shard holds never crosses the runner. A result is kept under `work/results/<stage>/` as soon as it
is there: a run that was killed does only what is missing. Nothing here is particular to this
machine but `work`, a folder that all workers must see.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from castor.filters import storage
from castor.filters.errors import CastorError
from castor.pipelines import progress
from castor.pipelines.engines.call import Call
from castor.pipelines.engines.execute import check_mode, execute

# A worker process takes about 4.5 s of one core to start, in which one that is there encodes some
# 18 MB of text (sentencepiece, 4 MB/s) and counts more.
WORKER_BYTES = 16_000_000


class Tell(Protocol):
    """Reports what was just done, for whoever watches."""

    def __call__(self, *, rows: int = 0, n_bytes: int = 0) -> None:
        """Adds to the totals of the stage."""


@dataclasses.dataclass(frozen=True)
class FanOut:
    """A function over many shards.

    Attributes:
        function: `package.module:name` of `(item, common, tell) -> result`.
        stage: the name under which progress and results are kept; one word.
        version: raise it when the function's results can change.
        items: what each call is given, JSON values.
        common: what all calls are given, a JSON value.
        sizes: bytes of input of each item: the biggest go first, and few bytes need one worker.
    """

    function: str
    stage: str
    version: int
    items: Sequence[Any]
    common: Any
    sizes: Sequence[int]

    def fingerprint(self, number: int) -> str:
        """What determines the result of an item."""
        return storage.digest_of([self.function, self.version, self.items[number], self.common])


@dataclasses.dataclass(frozen=True)
class Done:
    """What a fan-out gave.

    Attributes:
        results: of all items, in their order.
        made: numbers of the items that were done now; the others were kept from before.
    """

    results: list[Any]
    made: frozenset[int]

    @property
    def reused(self) -> int:
        """How many results were there."""
        return len(self.results) - len(self.made)


def run(
    fan: FanOut,
    *,
    work: pathlib.Path,
    out: object,
    workers: int | None = None,
    mode: str | None = None,
    watch: Callable[[progress.Totals], None] | None = None,
    whole: Callable[[Any], bool] = lambda result: True,
) -> Done:
    """Calls the function for every item whose result is not there yet.

    Args:
        work: where results, progress and the log are kept.
        out: the output folder, for messages.
        workers: threads or processes, of which no more start than there are items to do; default:
            the cores that this process may use, and one for every WORKER_BYTES.
        mode: `memory`, `threads` or `processes`; default: processes, or memory for one worker.
        watch: called a few times a second with the totals of what is done now.
        whole: whether the files that a kept result names are still there.

    Raises:
        CastorError: the function raised, or a worker died; the same call resumes.
        KeyboardInterrupt: after every process was ended.
    """
    check_mode(mode)
    folder = work / "results" / fan.stage
    kept = {n: _kept(fan, folder, n, whole) for n in range(len(fan.items))}
    todo = [n for n, found in kept.items() if found is None]
    todo.sort(key=lambda n: (-fan.sizes[n], n))  # Beam deals them out in turn: all end together
    progress.clear(work)
    if todo:
        plan = _save(fan, work)
        workers = min(workers or _workers(sum(fan.sizes[n] for n in todo)), len(todo))

        def look() -> None:
            if watch:
                watch(progress.read(work).get(fan.stage, progress.Totals()))

        execute(
            Call("castor.pipelines.engines.fanout_step:build", {"plan": plan, "numbers": todo}),
            work=work,
            out=out,
            log=work / "run.log",
            mode=mode or ("memory" if workers == 1 else "processes"),
            workers=workers,
            watch=look if watch else None,
        )
    for number in todo:
        kept[number] = _kept(fan, folder, number, whole)
        if kept[number] is None:
            raise CastorError(
                "a shard gave no result",
                where=out,
                got=f"item {number} of {fan.stage}",
                fix="run the same command again: it resumes",
            )
    results = [found[0] for found in kept.values() if found is not None]
    return Done(results, frozenset(todo))


def result_path(folder: pathlib.Path, number: int) -> pathlib.Path:
    """Where the result of an item is kept."""
    return folder / f"{number:05d}.json"


def _kept(
    fan: FanOut, folder: pathlib.Path, number: int, whole: Callable[[Any], bool]
) -> tuple[Any] | None:
    """The result of an item in a tuple of one, or None if it must be made."""
    path = result_path(folder, number)
    if not path.is_file():
        return None
    found: Mapping[str, Any] = storage.read_json(path)
    if found["fingerprint"] != fan.fingerprint(number) or not whole(found["result"]):
        return None
    return (found["result"],)


def _save(fan: FanOut, work: pathlib.Path) -> str:
    """Writes the fan-out to a file, for workers to load; its path."""
    data = {
        "function": fan.function,
        "stage": fan.stage,
        "work": str(work),
        "items": list(fan.items),
        "common": fan.common,
        "fingerprints": [fan.fingerprint(n) for n in range(len(fan.items))],
    }
    path = work / "fanouts" / f"{fan.stage}-{storage.digest_of(data)}.json"
    storage.write_json(path, data)
    return str(path)


def _workers(n_bytes: int) -> int:
    return max(1, min(len(os.sched_getaffinity(0)), n_bytes // WORKER_BYTES))
