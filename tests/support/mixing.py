"""Specs of mixtures for tests, as YAML beside a small token dataset."""

import copy

import yaml
from tokens import make_tokens

SPEC = {
    "castor": 1,
    "name": "test",
    "sequence_length": 32,
    "block": 32,
    "sources": {
        "web": {"tokens": "tokens"},
        "books": {"tokens": "tokens"},
        "code": {"tokens": "tokens"},
    },
    "budget": {"tokens": 60_000},
    "stages": [
        {"name": "start", "until": 0.6, "rule": "proportional"},
        {"name": "late", "rule": "explicit", "weights": {"web": 1, "books": 2, "code": 1}},
    ],
}


def make(folder, sources=None, **options):
    """A token dataset in `folder`/tokens: some 30,000 tokens of web, books and code."""
    return make_tokens(
        folder / "tokens", sources or {"web": 20_000, "books": 3000, "code": 7000}, **options
    )


def write_spec(folder, name="mixture.yaml", **changes):
    """Writes SPEC with other values for some of its keys; None leaves a key out."""
    spec = copy.deepcopy(SPEC) | copy.deepcopy(changes)
    path = folder / name
    path.write_text(
        yaml.safe_dump({k: v for k, v in spec.items() if v is not None}, sort_keys=False)
    )
    return path


def stages(*given):
    """Stages with names of their own: `stages({"until": 0.5, "rule": "proportional"}, ...)`."""
    return [{"name": f"stage{i}"} | one for i, one in enumerate(given)]


def explicit(web, books, code, **others):
    """A stage with these weights."""
    weights = {"web": web, "books": books, "code": code}
    return {"rule": "explicit", "weights": weights} | others
