"""The Dataflow job, built offline, and its own proto replayed in a clean environment."""

import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys

import pytest

from castor.filters import storage
from castor.filters.errors import ConfigError
from castor.pipelines import progress, recipe
from castor.pipelines import run as runs
from castor.pipelines.engines import dataflow

pytestmark = pytest.mark.slow

RECIPE = """\
castor: 1
name: staged
set: {input: null}
sources:
  - {name: rows, kind: rows, input: "${input}"}
annotate: [text]
limits: {shard_files: 1}
"""


def clean_environment():
    """The helper beside this file; tests are no package, so it is loaded by its path."""
    path = pathlib.Path(__file__).with_name("clean_environment.py")
    spec = importlib.util.spec_from_file_location("clean_environment", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    """A recipe over three files of rows with duplicates among them."""
    folder = tmp_path_factory.mktemp("dataflow")
    (folder / "staged.yaml").write_text(RECIPE)
    rows = folder / "rows"
    rows.mkdir()
    for f in range(3):
        lines = [
            json.dumps({"id": f"{f}-{i}", "text": f"row {i % 7} of several files " * 9})
            for i in range(20)
        ]
        (rows / f"{f}.jsonl").write_text("\n".join(lines))
    return folder, recipe.load(str(folder / "staged.yaml"), [f"input={rows}"])


@pytest.fixture(scope="module")
def offline(plan):
    """The job as it would be submitted, and the folder of its dataset."""
    folder, found = plan
    job = runs.plan(found, folder / "out")
    progress.clear(job.work)
    dataflow.build_offline(job, folder / "job")
    return folder, job


def test_the_job_is_one_that_the_service_takes(offline):
    folder, _ = offline
    from apache_beam.portability.api import beam_runner_api_pb2

    job = json.loads((folder / "job" / "staged" / "template.json").read_text())
    assert job["type"] == "JOB_TYPE_BATCH"
    packages = [p["name"] for p in job["environment"]["workerPools"][0]["packages"]]
    assert "workflow.tar.gz" in packages
    assert not [p for p in packages if "main_session" in p]
    proto = (folder / "job" / "staged" / "pipeline.pb").read_bytes()
    assert len(proto) < 1_000_000  # the service refuses requests over 10 MB
    pipeline = beam_runner_api_pb2.Pipeline.FromString(proto)
    shuffles = [
        t
        for t in pipeline.components.transforms.values()
        if t.spec.urn == "beam:transform:group_by_key:v1"
    ]
    assert shuffles
    for transform in shuffles:
        collection = pipeline.components.pcollections[next(iter(transform.inputs.values()))]
        assert "RecordBatch" not in coders_of(pipeline, collection.coder_id), transform.unique_name


def coders_of(pipeline, coder_id: str) -> str:
    """The names of a coder and of those inside it."""
    coder = pipeline.components.coders[coder_id]
    own = coder.spec.urn + str(coder.spec.payload)
    return own + "".join(coders_of(pipeline, c) for c in coder.component_coder_ids)


@pytest.fixture(scope="module")
def clean(offline):
    """A folder that is an environment with what the staged package declares."""
    folder, _ = offline
    clean_environment().make(folder / "clean", folder / "job" / "staged" / "workflow.tar.gz")
    return folder / "clean"


def test_its_own_proto_gives_the_same_bytes_in_a_clean_environment(
    offline, clean, castor, tmp_path
):
    folder, _ = offline
    python = clean / "bin" / "python"
    absent = subprocess.run([python, "-c", "import tensorflow"], capture_output=True, check=False)
    assert absent.returncode != 0
    command = [sys.executable, "-m", "castor.pipelines.engines.replay"]
    done = subprocess.run([*command, folder / "job", python], capture_output=True, text=True,
                          timeout=300, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    local = tmp_path / "local"
    castor("run", folder / "staged.yaml", local, "--set", f"input={folder / 'rows'}",
           "--workers", 1)  # fmt: skip
    assert digests(folder / "out") == digests(local)


def test_without_the_package_the_replay_fails(offline, clean, tmp_path):
    folder, _ = offline
    bare = pathlib.Path(shutil.copytree(clean, tmp_path / "bare", symlinks=True))
    shutil.rmtree(next((bare / "lib").glob("python*")) / "site-packages" / "castor")
    python = bare / "bin" / "python"
    command = [sys.executable, "-m", "castor.pipelines.engines.replay"]
    done = subprocess.run([*command, folder / "job", python], capture_output=True, text=True,
                          timeout=300, check=False)  # fmt: skip
    assert done.returncode != 0
    assert "No module named 'castor" in done.stderr


def digests(out: pathlib.Path) -> dict[str, str]:
    """Digest of every shard and manifest."""
    wanted = [p for p in out.rglob("*") if p.suffix == ".parquet" or p.name == "manifest.json"]
    return {str(p.relative_to(out)): storage.digest(p) for p in wanted if ".work" not in p.parts}


def test_missing_options_are_named(offline):
    _, job = offline
    with pytest.raises(ConfigError, match="needs more options") as caught:
        dataflow.submit(job, ["--project=p"])
    assert "--region, --temp_location" in str(caught.value)
