"""A Beam step that knows the job: rebuilt from text once per worker."""

from __future__ import annotations

import apache_beam as beam

from castor.pipelines import progress
from castor.pipelines.job import Job, Tools, from_json, tools_of


class Step(beam.DoFn):
    """Base of every step of a run; pickles as the text of its job."""

    def __init__(self, job: str) -> None:
        self._job_json = job

    def setup(self) -> None:
        """Builds what the job names, once per worker."""
        self.job: Job = from_json(self._job_json)
        with progress.reporting(self.job.work):
            self.tools: Tools = tools_of(self.job)

    def source_of(self, number: int) -> str:
        """The source that a shard belongs to."""
        return self.job.shards[number].source
