"""Recipes: YAML read into typed, frozen objects; every fault is an error before a run.

A recipe ships in pipelines/recipes/ and is found by name; a path to one's own file works
the same. castor.filters.configuration says what variables and `--set` do.
"""

from __future__ import annotations

import importlib.resources
import os
from collections.abc import Sequence
from typing import Any, Literal

import pydantic

from castor.filters import configuration
from castor.filters.configuration import Frozen
from castor.filters.errors import ConfigError, unknown_name


class SourceSpec(Frozen):
    """One input of a run: a kind of source, where it lies, and its options.

    Rows of a `reference` source are compared with, kept in every duplicate, and not written.
    An `optional` one is left out, with a line that says so, where its input does not exist.
    """

    name: str = pydantic.Field(pattern=r"^[a-z][a-z0-9_-]*$")
    kind: str
    input: str
    reference: bool = False
    optional: bool = False
    exclude: tuple[str, ...] = ()
    options: dict[str, Any] = pydantic.Field(default_factory=dict)


class Step(Frozen):
    """One annotator, rewriter or policy by name, for some sources or for all."""

    name: str
    sources: tuple[str, ...] | None = None
    options: dict[str, Any] = pydantic.Field(default_factory=dict)

    @pydantic.model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    def applies_to(self, source: str) -> bool:
        """Whether the step takes part for rows of that source."""
        return self.sources is None or source in self.sources


class NearDuplicates(Frozen):
    """MinHash-LSH: 14 bands of 8 rows on word 5-grams as FineWeb (arXiv:2406.17557 §3.2),
    every candidate verified by exact Jaccard against the kept document.

    With `containment` a document is a duplicate too if that share of its n-grams stands in a
    kept one: a chapter or an abridgement of it.
    """

    ngram: int = pydantic.Field(default=5, ge=1, le=32)
    bands: int = pydantic.Field(default=14, ge=1, le=512)
    rows: int = pydantic.Field(default=8, ge=1, le=128)
    jaccard: float = pydantic.Field(default=0.8, gt=0, le=1)
    containment: float | None = pydantic.Field(default=None, gt=0, le=1)


class Dedup(Frozen):
    """Which duplicates are removed."""

    exact: bool = True
    near: NearDuplicates | None = NearDuplicates()


class Boilerplate(Frozen):
    """Lines that are taken out of web pages: those on at least `pages` pages of a site, and on at
    least a `share` of them. A page that would lose more than `most` of its bytes loses none.
    """

    pages: int = pydantic.Field(default=5, ge=2)
    share: float = pydantic.Field(default=0.2, ge=0, le=1)
    most: float = pydantic.Field(default=0.5, ge=0, le=1)


class Decontaminate(Frozen):
    """Benchmarks that must not be in the output: folders or files.

    `mapping` names the fields of files that use none of the usual names: role (question,
    passage, choices, answer) to field.
    """

    against: tuple[str, ...] = pydantic.Field(min_length=1)
    exclude: tuple[str, ...] = ()
    mapping: dict[str, str] | None = None

    @pydantic.field_validator("against", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value


class Limits(Frozen):
    """Sizes that bound a run.

    `shard_bytes` and `shard_files` say how many input bytes and files are grouped into one
    shard, the unit of work and of resume; they decide the bytes of the output's shards.
    """

    max_document_bytes: int = pydantic.Field(default=64_000_000, ge=1)
    shard_bytes: int = pydantic.Field(default=64_000_000, ge=1)
    shard_files: int = pydantic.Field(default=1000, ge=1)


class Recipe(Frozen):
    """What a run does: sources -> boilerplate -> rewrite -> annotate -> decide -> dedup ->
    decontaminate.
    """

    castor: Literal[1]
    name: str
    about: str = ""
    sources: tuple[SourceSpec, ...] = pydantic.Field(min_length=1)
    boilerplate: Boilerplate | None = None
    rewrite: tuple[Step, ...] = ()
    annotate: tuple[Step, ...] = ()
    decide: tuple[Step, ...] = ()
    dedup: Dedup | None = Dedup()
    decontaminate: Decontaminate | None = None
    limits: Limits = Limits()

    @pydantic.model_validator(mode="after")
    def _sources_exist(self) -> Recipe:
        names = [s.name for s in self.sources]
        twice = next((n for n in names if names.count(n) > 1), None)
        if twice:
            raise ConfigError("two sources have the same name", got=twice, where=self.name)
        for step in (*self.rewrite, *self.annotate, *self.decide):
            for name in step.sources or ():
                if name not in names:
                    raise unknown_name("source", name, names, where=f"step {step.name}")
        return self


def names() -> list[str]:
    """The recipes that ship with Castor, sorted."""
    folder = importlib.resources.files("castor.pipelines") / "recipes"
    return sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".yaml"))


def load(name: str, settings: Sequence[str] = ()) -> Recipe:
    """Reads a recipe by name or path and applies `key=value` settings.

    Raises:
        ConfigError: no such recipe, an unknown key, a wrong value, a variable without one.
    """
    if name.endswith((".yaml", ".yml")) or os.sep in name:
        text = configuration.read(name, "recipe")
    elif name in names():
        folder = importlib.resources.files("castor.pipelines") / "recipes"
        text = (folder / f"{name}.yaml").read_text(encoding="utf-8")
    else:
        raise unknown_name("recipe", name, names())
    return configuration.parse(text, Recipe, kind="recipe", where=name, settings=settings)
