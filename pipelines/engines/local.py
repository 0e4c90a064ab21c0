"""The local engine: Beam's in-process runner, asked for by name.

`memory` runs in this thread, `threads` in several (for kernels that release the GIL),
`processes` in worker processes. It is never `DirectRunner`, which downloads and runs
another engine. Beam waits for ever for a worker process that died, so a watchdog ends the
driver; because of that, the driver of `processes` is itself a process (see supervisor.py).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_provision_api_pb2
from apache_beam.runners.portability.fn_api_runner import fn_runner
from apache_beam.runners.portability.portable_runner import JobServiceHandle

from castor.pipelines.engines import orphan
from castor.pipelines.engines.call import Call

MODES = {"memory": "in_memory", "threads": "multi_threading", "processes": "multi_processing"}
WORKER_DIED = 70  # exit status of a driver whose worker died (EX_SOFTWARE)


def run(build: Callable[[beam.Pipeline], None], *, mode: str, workers: int) -> None:
    """Builds and runs a pipeline on this machine; returns when it is done.

    Args:
        build: adds the steps to an empty pipeline.
        mode: `memory`, `threads` or `processes`.
        workers: number of threads or processes.

    Raises:
        Exception: whatever a step raised.
    """
    options = PipelineOptions(
        [
            f"--direct_running_mode={MODES[mode]}",
            f"--direct_num_workers={workers}",
            "--no_save_main_session",
        ]
    )
    if mode == "processes":
        orphan.be_the_driver()
        end_when_a_worker_dies()
    pipeline = beam.Pipeline(runner=runner_for(options), options=options)
    build(pipeline)
    pipeline.run().wait_until_finish()


def run_named(function: str, arguments: Mapping[str, Any], *, mode: str, workers: int) -> None:
    """As `run`, of a function that is named, for a process that is told what to build."""
    run(Call(function, arguments), mode=mode, workers=workers)


def runner_for(options: PipelineOptions) -> fn_runner.FnApiRunner:
    """Beam's in-process runner, which by itself would give its workers no options."""
    encoded = JobServiceHandle.encode_pipeline_options(options.get_all_options())
    return fn_runner.FnApiRunner(
        provision_info=fn_runner.ExtendedProvisionInfo(
            beam_provision_api_pb2.ProvisionInfo(pipeline_options=encoded)
        )
    )


def end_when_a_worker_dies() -> None:
    """Ends this process with WORKER_DIED when a worker process does; Beam would wait."""
    before = threading.excepthook

    def hook(arguments: threading.ExceptHookArgs) -> None:
        before(arguments)  # to the log: what the runner saw of it
        if arguments.thread is not None and arguments.thread.name == "run_worker":
            os._exit(WORKER_DIED)

    threading.excepthook = hook
