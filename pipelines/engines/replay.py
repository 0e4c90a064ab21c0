"""Runs the very proto of a Dataflow job on this machine, with workers in another Python.

What fails on the first day on Dataflow is packaging, pickling and missing dependencies; a
replay with workers that have Beam, the staged package and its declared dependencies, and
nothing else, finds those without a cloud.
"""

from __future__ import annotations

import os
import pathlib
import shlex
import sys

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability import python_urns
from apache_beam.portability.api import beam_runner_api_pb2

from castor.pipelines.engines import local


def replay(folder: pathlib.Path, python: pathlib.Path, *, workers: int = 1) -> None:
    """Replays the job that `dataflow.build_offline` wrote to `folder`.

    Args:
        python: the interpreter of the workers; the staged package must be installed there.

    Raises:
        Exception: whatever a step raised.
    """
    pipeline = beam_runner_api_pb2.Pipeline()
    pipeline.ParseFromString((folder / "staged" / "pipeline.pb").read_bytes())
    command = (
        f"env -u PYTHONPATH SEMI_PERSISTENT_DIRECTORY={shlex.quote(str(folder))} "
        f"{shlex.quote(str(python))} -m apache_beam.runners.worker.sdk_worker_main"
    )
    for environment in pipeline.components.environments.values():
        environment.urn = python_urns.SUBPROCESS_SDK
        environment.payload = command.encode()
        del environment.dependencies[:]
    options = PipelineOptions([f"--direct_num_workers={workers}", "--no_save_main_session"])
    runner = local.runner_for(options)
    local.end_when_a_worker_dies()
    runner.run_via_runner_api(pipeline, options).wait_until_finish()


if __name__ == "__main__":
    os.chdir("/")  # nothing of the source tree may be found by accident
    replay(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
