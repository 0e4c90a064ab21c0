"""The Dataflow engine: the same pipeline as a Dataflow job.

The worker image needs Castor: it is staged as a source package (`setup_file`) or given as
wheels (`--extra_package`). Input and output must be paths that every worker sees.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import IO

import apache_beam as beam
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, SetupOptions

from castor.filters.errors import ConfigError
from castor.pipelines.job import Job, reusable
from castor.pipelines.stages.pipeline import build

REQUIRED = ("project", "region", "temp_location")
BUCKET = "gs://offline-bucket"


def submit(job: Job, beam_options: Sequence[str]) -> None:
    """Submits a job to Dataflow and waits for its end.

    Args:
        beam_options: Beam's own options, at least project, region and temp_location.

    Raises:
        ConfigError: an option is missing, or the job name is not allowed.
    """
    options = options_for(beam_options)
    cloud = options.view_as(GoogleCloudOptions)
    missing = [f"--{name}" for name in REQUIRED if not getattr(cloud, name)]
    if missing:
        raise ConfigError(
            "the Dataflow runner needs more options",
            got=f"no {', '.join(missing)}",
            fix="castor run RECIPE OUT --runner dataflow -- --project=P --region=R "
            "--temp_location=gs://BUCKET/tmp",
        )
    if cloud.job_name and not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", cloud.job_name):
        raise ConfigError("not a Dataflow job name", got=cloud.job_name, fix="use a-z, 0-9 and -")
    _run(job, options)


def build_offline(job: Job, folder: pathlib.Path) -> None:
    """Builds the job exactly as it would be submitted, without a network.

    Writes to `folder` what would be uploaded: `template.json` (the job), `pipeline.pb` (the
    pipeline's proto) and the staged package, all under one flat folder `staged/`.
    """
    options = options_for(
        [
            "--project=offline-check",
            "--region=us-central1",
            "--job_name=offline-check",
            "--no_auth",
            f"--temp_location={BUCKET}/tmp",
            f"--staging_location={BUCKET}/staging",
            f"--template_location={BUCKET}/template.json",
        ]
    )
    with _uploads_to(folder):
        _run(job, options)


def options_for(beam_options: Sequence[str]) -> PipelineOptions:
    """Beam's options with what every Castor job needs."""
    options = PipelineOptions(["--runner=DataflowRunner", *beam_options])
    setup = options.view_as(SetupOptions)
    setup.save_main_session = False
    if not setup.setup_file and not setup.extra_packages:
        setup.setup_file = str(_setup_file())
    return options


def _run(job: Job, options: PipelineOptions) -> None:
    done = [s.number for s in job.shards if reusable(job, s)]
    ready = set(done)
    todo = [s.number for s in job.shards if s.number not in ready]
    pipeline = beam.Pipeline(options=options)
    build(pipeline, job, todo, done)
    result = pipeline.run()
    if result is not None:
        result.wait_until_finish()


def _setup_file() -> pathlib.Path:
    """The setup.py of the source tree that this module lies in."""
    path = pathlib.Path(__file__).resolve().parents[2] / "setup.py"
    if not path.is_file():
        raise ConfigError(
            "Castor is not installed from its source tree, so it cannot be staged",
            got=f"no {path}",
            fix="pass the wheel of this version: -- --extra_package=castor-VERSION.whl",
        )
    return path


@contextlib.contextmanager
def _uploads_to(folder: pathlib.Path) -> Iterator[None]:
    """Turns every upload of the Dataflow client into a file of `folder`/staged."""
    from unittest import mock

    from apache_beam.runners.dataflow.internal import apiclient

    staged = folder / "staged"
    staged.mkdir(parents=True, exist_ok=True)

    def keep(
        client: object, where: str, name: str, stream: IO[bytes], *_: object, **__: object
    ) -> None:
        (staged / name).write_bytes(stream.read())

    with (
        mock.patch.object(apiclient.DataflowApplicationClient, "stage_file", keep),
        mock.patch.object(apiclient, "create_storage_client", return_value=None),
        mock.patch.object(
            GoogleCloudOptions, "_warn_if_soft_delete_policy_enabled", return_value=None
        ),
        mock.patch.dict(os.environ, {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}),
    ):
        yield
