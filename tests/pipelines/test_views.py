"""The terminal's tables: plain lines without colour, and no markup taken from data."""

import io
import json
import sys

import pytest

from castor.filters.errors import ConfigError
from castor.filters.record import Record
from castor.pipelines import catalogue, inspection, views
from castor.pipelines.decide import decide
from castor.pipelines.run import Outcome
from castor.pipelines.verify import verify


def test_an_outcome_is_a_table_of_plain_lines(made, capsys):
    views.show_outcome(Outcome(made, {}, False, 12.5, 2, 0))
    text = capsys.readouterr().out
    assert "\x1b" not in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "in rejected dropped duplicate contaminated kept" in lines
    assert "web 10 1 2 1 1 5" in lines
    assert "total 12 1 2 1 1 7" in lines
    assert "short.too_few_words 2 16.7% 1" in lines
    assert "12 rows in, 7 kept, in 12.5 s." in lines


def test_a_skipped_run_says_so(made, capsys):
    views.show_outcome(Outcome(made, {}, True, 0.4, 0, 2))
    assert (
        "Nothing to do: input and configuration are unchanged (0.4 s)." in capsys.readouterr().out
    )


def test_a_terminal_gets_colour(made, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    views.show_summary(inspection.summary(made))
    assert "\x1b[1m" in screen.getvalue()


def test_a_summary_shows_samples_and_why(made, capsys):
    views.show_summary(inspection.summary(made))
    text = capsys.readouterr().out
    assert "rules that never fired: short: short.too_long" in text
    assert "web:z@7" in text
    assert "no gzip header" in text


def test_a_story_shows_the_threshold_beside_the_value(made, capsys):
    views.show_story(inspection.story(made, "web:a@90"))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "dropped for short.too_few_words" in lines
    assert "failed short.too_few_words text.n_words 2 at least 5 ours, measured" in lines
    assert any(line.startswith("sample too short") for line in lines)


def test_hostile_rows_neither_colour_nor_move_the_terminal(make_run, row, capsys):
    text = "[bold red]red[/] \x1b[31m and \x1b]0;title\x07 and [/nothing]"
    out = make_run([row(Record("web:[/x]\x1b[2J", "web", "text", text))])
    views.show_summary(inspection.summary(out))
    views.show_story(inspection.story(out, "web:[/x]\x1b[2J"))
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "[bold red]red[/]" in shown
    assert "web:[/x]" in shown


def test_problems_are_one_line_each(made, capsys):
    views.show_problems(made, [])
    assert capsys.readouterr().out == f"{made}: whole, and it adds up\n"
    (made / "kept" / "part-00000.parquet").unlink()
    views.show_problems(made, verify(made))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("a file is missing, in kept/part-00000.parquet: got nothing -> ")
    assert lines[1] == f"{made}: 1 problem"


def test_decisions_are_compared(made, policy_file, tmp_path, capsys):
    views.show_decisions(decide(made, [policy_file], tmp_path / "again"))
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "total 9 7 7 0 0" in lines
    assert "short.too_few_words 2 2 1" in lines


def test_everything_there_is_to_choose_from_is_listed(capsys):
    found = views.filters()
    assert {f["kind"] for f in found} == set(catalogue.KINDS)
    for entry in found:
        assert entry["summary"], entry["name"]
        assert entry["writes"], entry["name"]
    views.show_filters(found)
    text = capsys.readouterr().out
    for entry in found:
        assert entry["name"] in text
    json.dumps(found)


def test_every_name_can_be_shown_in_full(capsys):
    for name in {f["name"] for f in views.filters()}:
        found = views.filter_detail(name)
        views.show_filter(found)
        json.dumps(found)
        assert name in capsys.readouterr().out


def test_a_policy_in_full_has_bounds_and_citations(policy_file, capsys):
    [found] = views.filter_detail(policy_file)
    assert found["rules"][0] == {
        "name": "short.too_few_words",
        "signal": "text.n_words",
        "keeps": "at least 5",
        "bounds": {"at_least": 5},
        "when": "",
        "cite": "ours, measured",
    }
    views.show_filter([found])
    text = capsys.readouterr().out
    assert "ours, measured" in text
    assert "Pages that are long enough to say something." in text


def test_a_name_for_two_things_shows_both():
    assert {f["kind"] for f in views.filter_detail("audio")} == {"source", "annotator"}


def test_an_unknown_name_gives_the_nearest():
    with pytest.raises(
        ConfigError, match="no source, rewriter, annotator or policy named 'bok'"
    ) as e:
        views.filter_detail("bok")
    assert "did you mean 'books'?" in str(e.value)


def test_a_module_outside_is_shown_by_its_path(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "shown_by_path").mkdir()
    (tmp_path / "shown_by_path" / "lines.py").write_text(
        "from castor.pipelines.source import source\n"
        "@source(version=4, files=['*.txt'])\n"
        "def lines(file, options):\n    yield from ()\n"
    )
    [found] = views.filter_detail("shown_by_path.lines")
    assert (found["kind"], found["version"], found["files"]) == ("source", 4, ["*.txt"])
    with pytest.raises(ConfigError, match=r"no source named 'shown_by_path\.absent'"):
        views.filter_detail("shown_by_path.absent")


def test_what_a_module_says_of_its_signals_and_options_is_shown(capsys):
    views.show_filter(views.filter_detail("url"))
    shown = capsys.readouterr().out
    assert "categories: which lists block" in shown
    views.show_filter(views.filter_detail("text"))
    assert "words: `n_words` are cut at white space" in " ".join(capsys.readouterr().out.split())
