"""What the command line says of itself."""

import click.testing
import pytest

from castor.pipelines import recipe
from castor.pipelines.cli import main


def said(*arguments: str) -> str:
    done = click.testing.CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_first_help_shows_every_verb_whole():
    text = said("--help")
    assert "..." not in text.partition("Commands:")[2]
    assert all(f"  {verb} " in text for verb in main.commands)
    assert "2 wrong usage" in text


@pytest.mark.parametrize(
    "verb", ["demo", "run", "inspect", "filters", "decide", "dedup", "decontaminate"]
)
def test_the_help_of_a_verb_has_an_example(verb):
    lines = [line.split() for line in said(verb, "--help").splitlines()]
    assert ["castor", verb] in [line[:2] for line in lines]


def test_the_help_of_run_names_the_recipes():
    assert set(recipe.names()) <= set(said("run", "--help").split())
