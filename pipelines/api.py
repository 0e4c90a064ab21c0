"""The verbs of the command line as plain functions, for notebooks and other programs.

from castor.pipelines import api
api.run("web", "out/", settings=["input=crawl/*.warc.gz"])
api.open_dataset("out/").table(["key", "text.n_words"]).to_pandas()
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence
from typing import Any

from castor.pipelines.classifiers._verb import classifier_card as classifier_card
from castor.pipelines.classifiers._verb import classifier_eval as classifier_eval
from castor.pipelines.classifiers._verb import classifier_kinds as classifier_kinds
from castor.pipelines.classifiers._verb import classifier_train as classifier_train
from castor.pipelines.dataset import Dataset, open_folder
from castor.pipelines.run import Outcome, Watch
from castor.pipelines.run import run as run_recipe


def open_dataset(path: str | os.PathLike[str]) -> Dataset:
    """Opens a dataset: `OUT/dropped`, or `OUT` of a run for the rows that it kept.

    The result gives `.rows`, `.schema`, `.batches(columns)`, `.table(columns)` (and with it
    `.to_pandas()`), and `.manifest`.

    Raises:
        CastorError: there is no finished dataset, or it is of a newer version.
    """
    return open_folder(os.fspath(path))


def run(
    recipe: str,
    out: str | os.PathLike[str],
    *,
    settings: Sequence[str] = (),
    workers: int | None = None,
    mode: str | None = None,
    limit: int | None = None,
    force: bool = False,
    watch: Watch | None = None,
) -> Outcome:
    """Runs a recipe, by name or path, into an output folder; resumes what was interrupted.

    Args:
        settings: `key=value` strings, as after `--set`.
        workers, mode, limit, force, watch: as in `castor.pipelines.run.run`.
    """
    from castor.pipelines.recipe import load

    return run_recipe(
        load(recipe, settings),
        out,
        workers=workers,
        mode=mode,
        limit=limit,
        force=force,
        watch=watch,
    )


def demo(
    out: str | os.PathLike[str],
    *,
    data: str | None = None,
    data_only: bool = False,
    workers: int | None = None,
    force: bool = False,
    **options: Any,
) -> Outcome:
    """Runs the whole chain on what this machine has, or on a folder laid out like the kit.

    Returns what became of the raw input; the tokenizer, tokens, mixture, ablation and model lie
    in folders of these names inside its `out`.

    Args:
        data_only: end with the dataset.
        workers, force, options: as of `run`.
    """
    from castor.pipelines import demo as demonstration

    recipe, folder, settings = demonstration.prepare(os.fspath(out), data)
    outcome = run(recipe, folder, settings=settings, workers=workers, force=force, **options)
    if not data_only:
        from castor.pipelines.demo import chain, specs

        chain.run(outcome.out, size=specs.size_for(data), workers=workers, force=force)
    return outcome


def dedup(
    dataset: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    against: str | os.PathLike[str] | None = None,
    jaccard: float = 0.8,
    containment: float | None = None,
    **options: Any,
) -> Outcome:
    """Removes exact and near duplicates from a dataset of ours, or from JSONL or Parquet rows.

    Args:
        against: an older dataset; what is in it already is removed, and it is not written.
        jaccard: similarity of word 5-grams from which two documents are one.
        containment: share of a document's 5-grams in a kept one from which it is a part of
            that; None: parts are not looked for.
        options: as of `run`.
    """
    from castor.pipelines import dataset_recipes

    recipe, settings = dataset_recipes.dedup(
        dataset, against=against, jaccard=jaccard, containment=containment
    )
    return run(recipe, out, settings=settings, **options)


def decontaminate(
    dataset: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    against: Sequence[str],
    **options: Any,
) -> Outcome:
    """Removes what contains items of benchmarks, and records every item that was found.

    Args:
        against: folders or files of benchmarks.
        options: as of `run`.
    """
    from castor.pipelines import dataset_recipes

    recipe, settings = dataset_recipes.decontaminate(dataset, against=against)
    return run(recipe, out, settings=settings, **options)


def decide(
    dataset: str | os.PathLike[str], policies: Sequence[str], out: str | os.PathLike[str]
) -> dict[str, Any]:
    """Decides a dataset again by other policies, from its signal columns alone."""
    from castor.pipelines.decide import decide as decide_again

    return decide_again(os.fspath(dataset), list(policies), os.fspath(out))


def inspect(
    dataset: str | os.PathLike[str], key: str | None = None, *, samples: int = 3
) -> dict[str, Any]:
    """What is in a dataset, or with a key one row's whole story."""
    from castor.pipelines import inspection

    path = os.fspath(dataset)
    return inspection.story(path, key) if key else inspection.summary(path, samples)


def filters(name: str | None = None) -> Any:
    """What sources, annotators, policies and rewriters there are; with a name, one in full."""
    from castor.pipelines import views

    return views.filter_detail(name) if name else views.filters()


def verify(out: str | os.PathLike[str]) -> list[Any]:
    """Everything that is wrong with a dataset or a run; empty if nothing is."""
    from castor.pipelines.verify import verify as verify_all

    return verify_all(os.fspath(out))


def report(out: str | os.PathLike[str], *, target: str | None = None) -> pathlib.Path:
    """Writes one self-contained HTML page about a run; returns its path."""
    from castor.pipelines import report as reporting

    return reporting.build(pathlib.Path(out), target=pathlib.Path(target) if target else None)


def doctor() -> list[Any]:
    """What is installed and works, as `castor doctor` shows it."""
    from castor.pipelines.doctor import diagnose

    return diagnose()


def train(
    config: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    settings: Sequence[str] = (),
    steps: int | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Trains what a configuration file describes into a folder; resumes by itself.

    Returns `out`, `steps`, `tokens`, `loss`, `parameters`, `resumed_from`, `seconds`, `skipped`.
    """
    from castor.model import needs

    needs.check("castor train")
    from castor.model.train import train as train_model

    return train_model(config, out, settings=settings, steps=steps, force=force)


def evaluate(
    checkpoint: str | os.PathLike[str], suite: str | os.PathLike[str], *, limit: int | None = None
) -> dict[str, Any]:
    """Scores a trained model on the held-out documents of a token dataset: bits per byte.

    Returns what it writes to evaluation.json in the training's folder.
    """
    from castor.model import needs

    needs.check("castor evaluate")
    from castor.model.evaluate import evaluate as evaluate_model

    return evaluate_model(checkpoint, suite, limit=limit)


def tokenizer_train(
    dataset: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    vocab_size: int,
    workers: int | None = None,
    mode: str | None = None,
    force: bool = False,
    watch: Any = None,
    **options: Any,
) -> Any:
    """Trains a tokenizer on a sample of a dataset of ours, or of JSONL or Parquet rows.

    Args:
        options: as of `castor.pipelines.tokens.train.Options`: `sample_bytes`, `stratum_bytes`,
            `languages`, `caps`, `coverage`, `image_codes`, `seed`, `keep_counts`.
        workers, mode, force, watch: as of `castor.pipelines.tokens.train.train`.
    """
    from castor.pipelines.tokens import train

    wanted = train.Options(vocab_size=vocab_size, **options)
    return train.train(dataset, out, wanted, workers=workers, mode=mode, force=force, watch=watch)


def tokenizer_encode(
    dataset: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    tokenizer: str | os.PathLike[str],
    **options: Any,
) -> Any:
    """Writes the documents of a dataset as token shards.

    Args:
        options: as of `castor.pipelines.tokens.encode.encode`.
    """
    from castor.pipelines.tokens import encode

    return encode.encode(dataset, out, tokenizer=tokenizer, **options)


def tokenizer_decode(
    path: str | os.PathLike[str], ids: Sequence[int] | None = None, **options: Any
) -> Any:
    """The text of some ids, or without ids documents of a token dataset.

    Args:
        path: a tokenizer or a token dataset.
        options: `keys`, `source`, `split`, `n`, as of `castor.pipelines.tokens.decode.documents`.
    """
    from castor.pipelines.tokens import decode

    return decode.documents(path, **options) if ids is None else decode.decode_ids(path, ids)


def tokenizer_eval(
    tokenizer: str | os.PathLike[str], dataset: str | os.PathLike[str], **options: Any
) -> Any:
    """Measures a tokenizer on a sample of a dataset; writes evaluation.json beside the model.

    Args:
        options: as of `castor.pipelines.tokens.evaluation.evaluate`: `against`, `parallel`,
            `reference`, `sample_bytes`, `seed`, `workers`, `mode`, `force`, `watch`.
    """
    from castor.pipelines.tokens import evaluation

    return evaluation.evaluate(tokenizer, dataset, **options)


def tokenizer_inspect(path: str | os.PathLike[str], text: str | bytes) -> list[dict[str, Any]]:
    """The pieces of a text by the tokenizer, or token dataset, in a folder.

    Returns one dict for each: `id`, `piece`, `kind`, `bytes` (hexadecimal), `text` (None where the
    bytes are no UTF-8 by themselves), `start`, `end` (bytes of the text).
    """
    from castor.pipelines.tokens import decode
    from castor.tokenizer.inspection import pieces

    return [piece.to_json() for piece in pieces(decode.open_tokenizer(path), text)]


def ablate(
    spec: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    settings: Sequence[str] = (),
    refit: bool = False,
    force: bool = False,
) -> dict[str, Any]:
    """Finds weights of a mixture with many small models; trains only what OUT does not hold.

    Not being accepted is no error here: see `accepted` of the result, or `check_ablation`.

    Args:
        refit: train nothing, fit the runs in OUT again; needs no JAX.

    Returns `out`, `accepted`, `verdict`, `weights`, `domains`, `gain`, `rho`, `trained`,
    `seconds`, `skipped`.
    """
    from castor.model import needs

    if not refit:
        needs.check("castor ablate")
    from castor.model.ablate import ablate as ablate_mixture

    return ablate_mixture(spec, out, settings=settings, refit=refit, force=force)


def check_ablation(outcome: dict[str, Any]) -> None:
    """Refuses the result of `ablate` if its proposal was not accepted.

    Raises:
        GateError: it was not; all files are written.
    """
    from castor.model.ablate import check

    check(outcome)


def mixture_preview(
    spec: str | os.PathLike[str], *, settings: Sequence[str] = ()
) -> dict[str, Any]:
    """Tokens, shares and epochs of a mixture, as `castor.mixtures.preview.preview` describes them.

    A source that runs dry is no error here but one of the result's `problems`.
    """
    from castor.mixtures.compile import preview_mixture

    return preview_mixture(spec, settings)


def mixture_compile(
    spec: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    settings: Sequence[str] = (),
    force: bool = False,
) -> Any:
    """Compiles a mixture into a folder; returns `out`, `skipped` and the `preview`."""
    from castor.mixtures.compile import compile_mixture

    return compile_mixture(spec, out, settings=settings, force=force)


def mixture_diff(old: str | os.PathLike[str], new: str | os.PathLike[str]) -> dict[str, Any]:
    """What changes between two mixtures, specs or compiled folders, and from which sequence on.

    Returns what `castor.mixtures.compare.compare` describes.
    """
    from castor.mixtures.compare import compare
    from castor.mixtures.described import describe

    return compare(describe(old), describe(new))


def mixture_export(
    spec: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    target: str,
    paths: str | None = None,
    batch_rows: int | None = None,
    settings: Sequence[str] = (),
    force: bool = False,
) -> dict[str, bool]:
    """Writes a mixture for another trainer: `maxtext`, `olmo-core` or `levanter`.

    Args:
        paths, batch_rows: as of `castor.mixtures.export.export`.

    Returns:
        The path of every file, and whether it was written: False where it was there already.
    """
    from castor.mixtures import export
    from castor.mixtures.described import describe

    files = export.export(describe(spec, settings), target, paths=paths, batch_rows=batch_rows)
    new = export.write(files, pathlib.Path(out), force=force)
    return {str(pathlib.Path(out) / name): name in new for name in files}
