"""A Beam step that knows the job: loaded from its file once per worker."""

from __future__ import annotations

import apache_beam as beam

from castor.pipelines import progress
from castor.pipelines.engines.orphan import end_with_the_driver
from castor.pipelines.job import Job, Tools, load_job, tools_of


class Step(beam.DoFn):
    """Base of every step of a run; pickles as the path of its job."""

    def __init__(self, path: str) -> None:
        self._path = path

    def setup(self) -> None:
        """Builds what the job names, once per worker."""
        end_with_the_driver()
        self.job: Job = load_job(self._path)
        with progress.reporting(self.job.work):
            self.tools: Tools = tools_of(self.job)

    def source_of(self, number: int) -> str:
        """The source that a shard belongs to."""
        return self.job.shards[number].source
