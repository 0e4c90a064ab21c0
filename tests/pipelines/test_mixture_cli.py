"""castor mixture as a person runs it: tables, JSON, exit codes, messages."""

import json

import pytest
from click.testing import CliRunner
from mixing import explicit, make, stages, write_spec

from castor.mixtures.compiled import open_mixture
from castor.pipelines import api
from castor.pipelines.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("cli")
    make(made)
    return made


def run(*args):
    """Runs the command in this process; gives exit code, stdout and stderr."""
    done = CliRunner().invoke(main, ["mixture", *map(str, args)], catch_exceptions=False)
    return done.exit_code, done.stdout, done.stderr


DRY = {
    "web": {"tokens": "tokens"},
    "books": {"tokens": "tokens", "max_epochs": 2},
    "code": {"tokens": "tokens"},
}


def test_preview_shows_stages_and_total(folder):
    code, out, err = run("preview", write_spec(folder))
    assert (code, err) == (0, "")
    assert "stage start: proportional, 35,840 tokens" in out
    assert "stage late: explicit, 24,576 tokens" in out
    total = out[out.index("total") :]
    books = next(line for line in total.splitlines() if line.startswith("books"))
    raised = api.mixture_preview(folder / "mixture.yaml")["total"]["sources"]["books"]["raise"]
    assert raised > 4.5  # a tenth of the first stage, half of the last
    assert books.endswith(f"x{raised:.2f}")
    assert "of all tokens are read for the first time" in out


def test_preview_of_a_ramp_shows_both_ends(folder):
    late = stages(explicit(1, 0, 1, until=0.5), explicit(1, 2, 1, ramp="linear"))
    _, out, _ = run("preview", write_spec(folder, stages=late))
    assert "0.0% to 50.0%" in out
    assert "new" in out


def test_preview_tells_of_padding(folder):
    path = write_spec(folder, name="long.yaml", sequence_length=2048, budget={"tokens": "1M"})
    tokens = api.mixture_preview(path)["sources"]["books"]["tokens"]
    share = f"{1 - tokens / 4096:.1%}".replace("%", " %")  # two rows
    assert f"books: {share} of its positions are padding" in run("preview", path)[1]
    assert "padding" not in run("preview", write_spec(folder))[1]


def test_preview_that_runs_dry_shows_where_and_exits_3(folder):
    code, out, err = run("preview", write_spec(folder, sources=DRY))
    assert code == 3
    assert "books runs dry in stage late" in out
    assert err.startswith("error: the source 'books' runs dry")
    assert "-> raise sources.books.max_epochs" in err


def test_preview_as_json(folder):
    code, out, _ = run("preview", write_spec(folder, sources=DRY), "--json")
    assert code == 3
    found = json.loads(out)
    assert found["problems"][0]["source"] == "books"
    assert found == api.mixture_preview(folder / "mixture.yaml")


def test_settings_change_the_spec(folder):
    path = write_spec(folder, sources=DRY)
    assert run("preview", path, "--set", "sources.books.max_epochs=20")[0] == 0
    code, _, err = run("preview", path, "--set", "sources.bookz.max_epochs=20")
    assert code == 2
    assert "error:" in err


def test_what_cannot_be_filled_exits_3(folder):
    path = write_spec(folder, stages=stages({"rule": "unimax", "max_epochs": 1}))
    code, _, err = run("preview", path)
    assert code == 3
    assert "the sources run dry" in err
    assert "shrink" in err


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"sources": DRY | {"books": {"tokens": "nowhere"}}}, "token dataset does not exist"),
        ({"sources": DRY | {"books": {"tokens": "tokens", "source": "boks"}}}, "mean 'books'"),
        ({"stages": stages({"rule": "explicit", "weights": {"wbe": 1}})}, "mean 'web'"),
        ({"sequence_length": "long"}, "sequence_length"),
    ],
)
def test_wrong_specs_exit_2(folder, changes, told):
    code, _, err = run("preview", write_spec(folder, name="wrong.yaml", **changes))
    assert code == 2
    assert told in err


def test_compile_and_again(folder):
    path = write_spec(folder, name="good.yaml")
    code, out, _ = run("compile", path, folder / "out")
    assert code == 0
    assert "total" in out
    assert open_mixture(folder / "out").sequences
    code, out, _ = run("compile", path, folder / "out")
    assert code == 0
    assert out.startswith("Nothing to do")
    told = json.loads(run("compile", path, folder / "out", "--json")[1])
    assert told["skipped"]
    assert told["preview"] == api.mixture_preview(path)


def test_compile_over_another_needs_force(folder):
    run("compile", write_spec(folder, name="one.yaml"), folder / "both")
    other = write_spec(folder, name="two.yaml", seed=3)
    code, _, err = run("compile", other, folder / "both")
    assert code == 2
    assert "--force" in err
    assert run("compile", other, folder / "both", "--force")[0] == 0


def test_compile_of_what_runs_dry_writes_nothing(folder):
    path = write_spec(folder, name="dry.yaml", sources=DRY)
    assert run("compile", path, folder / "dry")[0] == 3
    assert not (folder / "dry").exists()


def test_diff_says_which_sequence_moves_first(folder):
    old = write_spec(folder, name="old.yaml")
    same = run("diff", old, old)
    assert same[0] == 0
    assert "The order is the same: all 1,888 sequences." in same[1]
    late = stages({"rule": "proportional", "until": 0.6}, explicit(1, 3, 1))
    new = write_spec(folder, name="new.yaml", stages=late)
    code, out, _ = run("diff", old, new)
    found = api.mixture_diff(old, new)
    assert code == 0
    assert f"sequence {found['same_until']:,} is the first that moves" in out
    assert found["same_until"] >= 35 * 32
    assert "50.0000%" in out
    assert "60.0000%" in out
    assert json.loads(run("diff", old, new, "--json")[1]) == found


def test_diff_of_a_longer_run(folder):
    ends = [explicit(1, 1, 1, until_tokens=n, name="all") for n in (20_000, 40_000)]
    short, long = (
        write_spec(folder, name=f"{i}.yaml", budget=None, stages=[end])
        for i, end in enumerate(ends)
    )
    assert "No sequence moves: 640 before, 1,248 now" in run("diff", short, long)[1]


@pytest.mark.parametrize("target", ["maxtext", "olmo-core", "levanter"])
def test_export_writes_and_says_what(folder, target):
    path = write_spec(folder, name="export.yaml")
    out = folder / target
    args = ("export", path, out, "--format", target, "--batch-rows", 32)
    code, told, _ = run(*args)
    assert code == 0
    assert sorted(told.split()) == sorted(str(p) for p in out.iterdir())
    assert all(line.endswith("(unchanged)") for line in run(*args)[1].splitlines())


def test_export_needs_what_the_trainer_needs(folder):
    path = write_spec(folder, name="export.yaml")
    code, _, err = run("export", path, folder / "no", "--format", "levanter")
    assert code == 2
    assert "--batch-rows" in err


@pytest.mark.parametrize("verb", ["preview", "compile", "diff", "export"])
def test_every_verb_teaches_by_example(verb):
    code, out, _ = run(verb, "--help")
    assert code == 0
    assert f"castor mixture {verb} " in out


def test_the_installed_command(castor, folder):
    done = castor("mixture", "preview", write_spec(folder), check=False)
    assert done.returncode == 0
    assert "stage late" in done.stdout
    assert "castor: 1" in castor("mixture", "--help").stdout
