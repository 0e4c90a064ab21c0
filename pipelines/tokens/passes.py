"""Passes over a corpus: a function of one shard, called for every shard that lacks its result."""

from __future__ import annotations

import dataclasses
import importlib
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from castor.pipelines.engines import fanout
from castor.pipelines.progress import Totals
from castor.pipelines.tokens.corpus import Corpus

Watch = Callable[[str, float, float, str], None]


@dataclasses.dataclass(frozen=True)
class Passes:
    """How the passes over one corpus are made.

    Attributes:
        corpus: what is read.
        out: the output folder.
        work: the folder in which results are kept until the whole is finished.
        workers, mode: as of `castor run`; they change no result.
        watch: called with step, done, total and a note, a few times a second.
        near: little data is done in this process, for an engine takes longer to start; nothing
            is kept of it then.
    """

    corpus: Corpus
    out: pathlib.Path
    work: pathlib.Path
    workers: int | None = None
    mode: str | None = None
    watch: Watch | None = None
    near: bool = False

    def run(
        self,
        function: str,
        stage: str,
        version: int,
        common: Mapping[str, Any],
        *,
        whole: Callable[[Any], bool],
    ) -> fanout.Done:
        """One pass.

        Args:
            function: `module:name` of a function of this package, as `fanout.FanOut` takes it.
            stage, version: see `fanout.FanOut`.
            common: what the function is given with every shard, a JSON value.
            whole: whether the files that a kept result names are still there.

        Raises:
            CastorError: the function raised, or a worker died; the same call resumes.
        """
        function = f"{__package__}.{function}"
        little = self.corpus.bytes < fanout.WORKER_BYTES
        if self.near and little and self.workers is None and self.mode is None:
            return self._here(function, stage, common)
        items, sizes = self.corpus.items, self.corpus.sizes
        return fanout.run(
            fanout.FanOut(function, stage, version, items, common, sizes),
            work=self.work,
            out=self.out,
            workers=self.workers,
            mode=self.mode,
            watch=lambda totals: self._look(stage, totals),
            whole=whole,
        )

    def into(
        self, folder: pathlib.Path, function: str, stage: str, version: int, **common: Any
    ) -> fanout.Done:
        """One pass of a function that writes files to `folder` and gives `file`, a name in it.

        Raises:
            CastorError: as of `run`.
        """
        folder.mkdir(parents=True, exist_ok=True)

        def whole(result: Mapping[str, Any]) -> bool:
            names = [result["file"], result.get("vectors")]
            return all((folder / name).is_file() for name in names if name)

        return self.run(function, stage, version, {"folder": str(folder), **common}, whole=whole)

    def _look(self, stage: str, totals: Totals) -> None:
        if self.watch:
            self.watch(stage, totals.bytes, self.corpus.bytes, f"{totals.rows:,} documents")

    def _here(self, function: str, stage: str, common: Mapping[str, Any]) -> fanout.Done:
        """All shards in this process."""
        module, _, name = function.partition(":")
        call = getattr(importlib.import_module(module), name)
        totals = Totals()

        def tell(*, rows: int = 0, n_bytes: int = 0) -> None:
            totals.rows += rows
            totals.bytes += n_bytes
            self._look(stage, totals)

        results = [call(item, common, tell) for item in self.corpus.items]
        return fanout.Done(results, frozenset(range(len(results))))
