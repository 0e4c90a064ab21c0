"""The command `castor`: verbs, options and help. Everything else lies behind api.py."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from castor.filters.errors import CastorError
from castor.pipelines.commands.ablate import ablate
from castor.pipelines.commands.classifier import classifier
from castor.pipelines.commands.evaluate import evaluate
from castor.pipelines.commands.mixture import mixture
from castor.pipelines.commands.options import as_json, engine_options
from castor.pipelines.commands.tokenizer import tokenizer
from castor.pipelines.commands.train import train

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Verbs(click.Group):
    """Lists the verbs in the order of the work, and turns our errors into exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order in which they were declared."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a verb; a CastorError becomes its message and its exit code."""
        try:
            return super().invoke(ctx)
        except CastorError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(error.exit_code)
        except click.UsageError as error:
            verb = error.ctx.command_path if error.ctx else ctx.command_path
            click.echo(f"error: {error.format_message()}\n  -> see `{verb} --help`", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("\ninterrupted; the same command resumes where it stopped", err=True)
            ctx.exit(1)
        except BrokenPipeError:
            ctx.exit(1)


@click.group(cls=Verbs, context_settings=SETTINGS)
@click.version_option(package_name="castor", prog_name="castor")
def main() -> None:
    """Castor turns raw web, books, code, images, sound and video into what a model trains on.

    \b
    Start here:
      castor demo                                  the whole chain on what this machine has
      castor run web OUT --set input='crawl/*.gz'  clean a folder of web archives
      castor inspect OUT                           what came in, what went out, and why
      castor tokenizer train OUT tokenizer/ --vocab-size 32000
      castor mixture preview mixture.yaml          what would be read, in which stage, how often
      castor doctor                                is everything installed?

    Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 a gate said no.
    """


@main.command(short_help="The whole chain on raw input that this machine has.")
@click.argument("out", type=click.Path(file_okay=False), default="castor-demo", required=False)
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False),
    help="Use this folder (laid out like the kit) instead of what the machine has.",
)
@click.option(
    "--data-only",
    is_flag=True,
    help="End with the dataset, as --limit does: no tokenizer, no model.",
)
@engine_options
def demo(out: str, data: str | None, data_only: bool, **options: Any) -> None:
    """The whole chain on raw input that this machine has, without a network.

    It gathers documentation, books, source trees, pictures and sounds from the Python
    installation, makes what it does not find (and labels it so), plants junk, duplicates,
    personal data and leaked questions, and runs everything. Then it trains a tokenizer on the
    dataset, encodes it, compiles a staged mixture, ablates weights on small models, and trains
    and evaluates a small mixture-of-experts model. It ends with a report to look at. OUT is
    castor-demo/ unless it is given.

    \b
    castor demo
    castor demo OUT --data kit/
    castor demo OUT --data-only
    """
    from castor.pipelines import demo as demonstration

    recipe, folder, settings = demonstration.prepare(out, data)
    partly = data_only or options["limit"] or options["runner"] != "local"
    as_json = options.pop("as_json")
    outcome = _run(recipe, folder, settings, as_json=as_json, silent=as_json, **options)
    if outcome is None:
        return
    found = {"dataset": outcome.summary()}
    if not partly:
        from castor.pipelines.demo import chain, specs

        size = specs.size_for(data)
        again = {"workers": options["workers"], "force": options["force"]}
        steps = chain.run(
            outcome.out, size=size, **again, say=lambda line: click.echo(line, err=as_json)
        )
        found["steps"] = [step.summary() for step in steps]
        if not as_json:
            click.echo(f"report     {outcome.out / 'report.html'}")
    if as_json:
        click.echo(json.dumps(found, indent=1, sort_keys=True))


@main.command(short_help="Runs a recipe, by name or path, into a folder.")
@click.argument("recipe")
@click.argument("out", type=click.Path(file_okay=False))
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A variable of the recipe, or any value by its path.",
)
@click.argument("beam_options", nargs=-1, type=click.UNPROCESSED)
@engine_options
def run(
    recipe: str,
    out: str,
    settings: tuple[str, ...],
    beam_options: tuple[str, ...],
    **options: Any,
) -> None:
    """Runs RECIPE, a name or the path of a YAML file, into the folder OUT.

    \b
    castor run web OUT --set input='crawl/*.warc.gz'
    castor run books OUT --set input=library/
    castor run my-recipe.yaml OUT --limit 100 --dry-run

    A run that was interrupted resumes with the same command; one that is finished and
    unchanged does nothing; one over other input or configuration needs another OUT, or --force.

    \b
    Recipes that come with Castor:
      web books code images audio video interleaved rows   a folder of raw input: --set input=...
      kit                                                  all of a folder: --set data=DIR
      repositories fill-in-the-middle                      a finished dataset: --set input=OUT
      dedup dedup-against decontaminate demo               behind the verbs of these names
    docs/recipes.md says what a recipe holds.
    """
    _run(recipe, out, list(settings), beam_options=beam_options, **options)


def _run(
    recipe: str,
    out: str,
    settings: list[str],
    *,
    as_json: bool,
    silent: bool = False,
    **options: Any,
) -> Any:
    """Runs a recipe and shows what came of it, unless `silent`; None after a dry run."""
    from castor.pipelines import launch

    outcome = launch.launch(recipe, out, settings, as_json=as_json, **options)
    if outcome is None or silent:
        return outcome
    if as_json:
        click.echo(json.dumps(outcome.summary(), indent=1, sort_keys=True))
    else:
        from castor.pipelines import views

        views.show_outcome(outcome)
    return outcome


@main.command(short_help="What is in a dataset; with --key, one row's whole story.")
@click.argument("dataset", type=click.Path())
@click.option("--key", help="One row only: where it went, why, and all that was measured of it.")
@click.option(
    "--samples",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    help="Rows shown of each dataset.",
)
@as_json
def inspect(dataset: str, key: str | None, samples: int, as_json: bool) -> None:
    """What is in DATASET: rows, bytes, reasons and samples; or one row's whole story.

    DATASET is the output of a run, or one dataset of it, such as OUT/dropped.

    \b
    castor inspect OUT --samples 5
    castor inspect OUT --key 'web:a.warc.gz@1234'
    """
    from castor.pipelines import inspection, views

    found = inspection.story(dataset, key) if key else inspection.summary(dataset, samples)
    if as_json:
        click.echo(json.dumps(found, indent=1, default=str, ensure_ascii=False))
    elif key:
        views.show_story(found)
    else:
        views.show_summary(found)


@main.command(short_help="Sources, annotators, policies, rewriters; NAME shows one in full.")
@click.argument("name", required=False)
@as_json
def filters(name: str | None, as_json: bool) -> None:
    """Lists sources, annotators, policies and rewriters; with NAME, one in full.

    NAME may also be the path of a policy of your own, or a module, `package.module`.

    \b
    castor filters gopher/paper
    castor filters my-policy.yaml
    """
    from castor.pipelines import views

    found = views.filter_detail(name) if name else views.filters()
    if as_json:
        click.echo(json.dumps(found, indent=1, ensure_ascii=False))
    elif name:
        views.show_filter(found)
    else:
        views.show_filters(found)


@main.command(short_help="Decides a dataset again by other thresholds.")
@click.argument("dataset", type=click.Path())
@click.argument("out", type=click.Path(file_okay=False))
@click.option(
    "--policy",
    "policies",
    multiple=True,
    required=True,
    help="A policy by name, or the path of a YAML file; may be given again.",
)
@as_json
def decide(dataset: str, out: str, policies: tuple[str, ...], as_json: bool) -> None:
    """Decides DATASET again by other thresholds, from its signal columns alone.

    Writes (key, kept, reasons) of every row to OUT and prints what changes. To have the rows
    themselves decided so, run the recipe with the new policy and --force: nothing is measured
    again.

    \b
    castor decide OUT decided/ --policy my-policy.yaml
    """
    from castor.pipelines import decide as decisions
    from castor.pipelines import views

    found = decisions.decide(dataset, list(policies), out)
    if as_json:
        click.echo(json.dumps(found, indent=1))
    else:
        views.show_decisions(found)


@main.command(short_help="Removes exact and near duplicates from a dataset or rows.")
@click.argument("dataset", type=click.Path())
@click.argument("out", type=click.Path(file_okay=False))
@click.option(
    "--jaccard",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.8,
    show_default=True,
    help="Similarity of word 5-grams from which two are one.",
)
@click.option(
    "--containment",
    type=click.FloatRange(0, 1, min_open=True),
    help="Share of its 5-grams in another from which one is a part of that, and removed.",
)
@click.option(
    "--against",
    type=click.Path(exists=True),
    help="An older dataset: what is in it already is removed from DATASET, and it is not written.",
)
@engine_options
def dedup(
    dataset: str,
    out: str,
    jaccard: float,
    containment: float | None,
    against: str | None,
    **options: Any,
) -> None:
    """Removes exact and near duplicates from DATASET, ours or rows in JSONL or Parquet.

    \b
    castor dedup rows.jsonl OUT
    castor dedup new/ OUT --against old/
    castor dedup books.jsonl OUT --containment 0.7
    """
    from castor.pipelines import dataset_recipes

    recipe, settings = dataset_recipes.dedup(
        dataset, against=against, jaccard=jaccard, containment=containment
    )
    _run(recipe, out, settings, **options)


@main.command(short_help="Removes what contains items of benchmarks.")
@click.argument("dataset", type=click.Path())
@click.argument("out", type=click.Path(file_okay=False))
@click.option(
    "--against",
    required=True,
    multiple=True,
    type=click.Path(exists=True),
    help="A folder or file of benchmarks: JSONL, JSON, CSV or Parquet; may be given again.",
)
@engine_options
def decontaminate(dataset: str, out: str, against: tuple[str, ...], **options: Any) -> None:
    """Removes from DATASET what contains items of benchmarks, and reports every item found.

    \b
    castor decontaminate rows/ OUT --against evals/
    """
    from castor.pipelines import dataset_recipes

    recipe, settings = dataset_recipes.decontaminate(dataset, against=against)
    _run(recipe, out, settings, **options)


for verb in (classifier, tokenizer, mixture, ablate, train, evaluate):
    main.add_command(verb)


@main.command(short_help="Checks digests, counts, keys and schema of what is in a folder.")
@click.argument("out", type=click.Path())
@as_json
def verify(out: str, as_json: bool) -> None:
    """Checks digests, counts, keys and schema of what is in OUT; exit code 1 if any fails.

    OUT is the output of a run or one dataset of it, a tokenizer, or a token dataset.

    \b
    castor verify OUT
    castor verify tokens/
    """
    from castor.pipelines import verify as verification
    from castor.pipelines import views

    problems = verification.verify(out)
    if as_json:
        click.echo(json.dumps([vars(p) for p in problems], indent=1, default=str))
    else:
        views.show_problems(out, problems)
    sys.exit(1 if problems else 0)


@main.command(short_help="Writes one self-contained HTML page about a run.")
@click.argument("out", type=click.Path())
@click.option("--target", type=click.Path(dir_okay=False), help="Default: OUT/report.html.")
def report(out: str, target: str | None) -> None:
    """Writes one self-contained HTML page about the run in OUT."""
    import pathlib

    from castor.pipelines import report as reporting

    path = reporting.build(pathlib.Path(out), target=pathlib.Path(target) if target else None)
    click.echo(path)


@main.command(short_help="What is installed and works, and how to mend the rest.")
@as_json
def doctor(as_json: bool) -> None:
    """What is installed, which engines and devices work, and the line that fixes the rest."""
    from castor.pipelines import doctor as examination

    checks = examination.diagnose()
    if as_json:
        click.echo(json.dumps([vars(c) for c in checks], indent=1))
    else:
        click.echo(examination.render(checks))
    sys.exit(1 if any(c.status == "fail" for c in checks) else 0)


if __name__ == "__main__":
    main()
