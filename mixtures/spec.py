"""The YAML of a mixture, read into typed, frozen objects; every fault is an error before any work.

docs/mixture.md says what each key means.
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import pydantic

from castor.filters import configuration
from castor.filters.configuration import Count, Frozen
from castor.filters.errors import ConfigError, unknown_name

Rule = Literal["explicit", "proportional", "temperature", "unimax"]
Weight = Annotated[float, pydantic.Field(ge=0, allow_inf_nan=False)]
Epochs = Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)]
Name = Annotated[str, pydantic.Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class SourceSpec(Frozen):
    """One source of a mixture: documents of one source and split of a token dataset.

    Attributes:
        tokens: folder of the token dataset, relative to the spec's own.
        source: its name in the token dataset; default: the key under which this stands.
        split: `train` or `heldout`.
        max_epochs: how often the mixture may read it over all stages; None: as often as it likes.
    """

    tokens: str
    source: str | None = None
    split: Literal["train", "heldout"] = "train"
    max_epochs: Epochs | None = None


class PackingSpec(Frozen):
    """How documents become rows; see castor.mixtures.pack."""

    kind: Literal["concat-chunk", "best-fit"] = "concat-chunk"

    @pydantic.model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"kind": value} if isinstance(value, str) else value


class BudgetSpec(Frozen):
    """Tokens of the whole run, given or by a law of the model's size; see castor.mixtures.budget.

    Attributes:
        tokens: as many.
        rule: `hoffmann`: the compute-optimal tokens of a model of `active_parameters`;
            `ratio`: `tokens_per_parameter` for each of them.
        active_parameters: of the model, per token: without the embedding's look-up, with the
            output's matrix, of the experts only those that a token goes to.
        overtraining: how many times the tokens of the rule.
        constants: of the law: `besiroglu`, the refit of Hoffmann's data, or `hoffmann`'s own.
        tokens_per_parameter: of the rule `ratio`.
    """

    tokens: Count | None = None
    rule: Literal["hoffmann", "ratio"] | None = None
    active_parameters: Count | None = None
    overtraining: Epochs = 1.0
    constants: Literal["besiroglu", "hoffmann"] = "besiroglu"
    tokens_per_parameter: Epochs = 20.0

    @pydantic.model_validator(mode="after")
    def _one_way(self) -> BudgetSpec:
        if (self.tokens is None) == (self.rule is None):
            raise ConfigError(
                "a budget is a number of tokens or a rule", where="budget",
                fix="write {tokens: 2B}, or {rule: hoffmann, active_parameters: 3M}",
            )  # fmt: skip
        if self.rule and self.active_parameters is None:
            raise ConfigError("a rule needs active_parameters", where="budget")
        if self.tokens is not None and self.overtraining != 1:
            raise ConfigError(
                "overtraining multiplies the tokens of a rule", where="budget",
                got=f"tokens and overtraining: {self.overtraining:g}",
            )  # fmt: skip
        self._check_used()
        return self

    def _check_used(self) -> None:
        """Refuses what would have no effect."""
        given = self.model_fields_set
        if "tokens_per_parameter" in given and self.rule != "ratio":
            raise ConfigError(
                "`tokens_per_parameter` belongs to the rule ratio", where="budget",
                got=f"rule {self.rule}" if self.rule else "tokens", fix="write rule: ratio",
            )  # fmt: skip
        if "constants" in given and (self.rule == "ratio" or self.active_parameters is None):
            raise ConfigError(
                "`constants` are those of the law of Hoffmann", where="budget",
                got=f"rule {self.rule}" if self.rule else "tokens without active_parameters",
                fix="leave it out, or write rule: hoffmann",
            )  # fmt: skip


class StageSpec(Frozen):
    """One stage of a run: until when, and with which weights.

    Attributes:
        name: for tables.
        until: where it ends, as a share of the budget.
        until_tokens: the same in tokens from the beginning of the run. The last stage may leave
            out both: it ends with the budget.
        rule: where the weights come from; see castor.mixtures.weights.
        weights: of the rule `explicit`; every source has one, 0 allowed; any sum.
        temperature: T of the rule `temperature`.
        limit: tokens from which a source counts as no larger (rule `temperature`).
        max_epochs: how often the stage may read each source.
        cap: what happens to weights that ask for more than all `max_epochs` allow: `water-fill`
            clamps them and gives the rest to the others, `strict` keeps them and shortens the
            stage; without it the preview refuses the mixture.
        shrink: whether a stage may be shortened to what `max_epochs` leave; otherwise that is
            an error (rule `unimax` and cap `water-fill`).
        ramp: `step`: the weights hold from the beginning; `linear`: they move from those at the
            end of the stage before, and are reached at this one's end.
    """

    name: str = pydantic.Field(min_length=1)
    until: Annotated[float, pydantic.Field(gt=0, le=1)] | None = None
    until_tokens: Count | None = None
    rule: Rule
    weights: dict[str, Weight] | None = None
    temperature: Annotated[float, pydantic.Field(gt=0, allow_inf_nan=False)] | None = None
    limit: Count | None = None
    max_epochs: Epochs | None = None
    cap: Literal["water-fill", "strict"] | None = None
    shrink: bool = False
    ramp: Literal["step", "linear"] = "step"

    @pydantic.model_validator(mode="after")
    def _keys_fit_rule(self) -> StageSpec:
        where = f"stage {self.name}"
        if self.until is not None and self.until_tokens is not None:
            raise ConfigError("give until or until_tokens, not both", where=where)
        for key, rule in (
            ("weights", "explicit"), ("temperature", "temperature"), ("limit", "temperature")
        ):  # fmt: skip
            if getattr(self, key) is not None and self.rule != rule:
                raise ConfigError(
                    f"`{key}` belongs to the rule {rule}", where=where, got=f"rule {self.rule}",
                    fix=f"leave it out, or write rule: {rule}",
                )  # fmt: skip
        if self.rule in ("explicit", "temperature"):
            key = "weights" if self.rule == "explicit" else "temperature"
            if getattr(self, key) is None:
                raise ConfigError(f"the rule {self.rule} needs `{key}`", where=where)
        if self.rule == "unimax" and self.cap is not None:
            raise ConfigError("unimax has no cap: it keeps to max_epochs itself", where=where)
        if self.shrink and not (self.rule == "unimax" or self.cap == "water-fill"):
            raise ConfigError("`shrink` belongs to unimax and to water-fill", where=where)
        if self.shrink and self.ramp == "linear":
            raise ConfigError(
                "a ramp cannot shrink: its weights would depend on its length", where=where
            )
        if self.weights is not None and not sum(self.weights.values()) > 0:
            raise ConfigError("all weights are 0", where=where, fix="give one source more")
        return self


class MixtureSpec(Frozen):
    """What is mixed, in which order, how often."""

    castor: Literal[1]
    name: str = pydantic.Field(min_length=1)
    seed: Annotated[int, pydantic.Field(ge=0, lt=2**63)] = 0
    sequence_length: Annotated[int, pydantic.Field(ge=1)]
    sources: dict[Name, SourceSpec] = pydantic.Field(min_length=1)
    packing: PackingSpec = PackingSpec()
    block: Annotated[int, pydantic.Field(ge=1, le=1 << 24)] = 1024
    budget: BudgetSpec | None = None
    stages: tuple[StageSpec, ...] = pydantic.Field(min_length=1)

    @pydantic.model_validator(mode="after")
    def _fits_together(self) -> MixtureSpec:
        names = [s.name for s in self.stages]
        twice = next((n for n in names if names.count(n) > 1), None)
        if twice is not None:
            raise ConfigError("two stages have the same name", got=twice)
        if self.stages[0].ramp == "linear":
            raise ConfigError(
                "the first stage cannot be a ramp: nothing comes before it",
                where=f"stage {names[0]}",
            )
        for stage in self.stages:
            self._check_weights(stage)
        self._check_ends()
        return self

    def _check_weights(self, stage: StageSpec) -> None:
        if stage.weights is None:
            return
        where = f"weights of stage {stage.name}"
        for name in stage.weights:
            if name not in self.sources:
                raise unknown_name("source", name, self.sources, where=where)
        for name in self.sources:
            if name not in stage.weights:
                raise ConfigError(
                    f"the source {name!r} has no weight", where=where,
                    fix=f"write {name}: 0 to leave it out of this stage",
                )  # fmt: skip

    def _check_ends(self) -> None:
        ends = [(s.name, s.until, s.until_tokens) for s in self.stages]
        *others, (last, share, tokens) = ends
        for name, until, until_tokens in others:
            if until is None and until_tokens is None:
                raise ConfigError(
                    "only the last stage may leave out where it ends", where=f"stage {name}",
                    fix="give until or until_tokens",
                )  # fmt: skip
        shares = any(until is not None for _, until, _ in ends)
        if self.budget is None and (shares or tokens is None):
            raise ConfigError(
                "the mixture has no end" if tokens is None else "`until` is a share of a budget",
                where=f"stage {last}",
                fix="give a budget, or until_tokens for every stage",
            )
        if self.budget is not None and (tokens is not None or share not in (None, 1.0)):
            raise ConfigError(
                "the last stage ends with the budget", where=f"stage {last}",
                got=f"until: {share:g}" if share is not None else f"until_tokens: {tokens}",
                fix="leave it out, or write until: 1.0",
            )  # fmt: skip


def load(path: str | os.PathLike[str], settings: Sequence[str] = ()) -> MixtureSpec:
    """Reads the spec of a mixture and applies `key=value` settings.

    Raises:
        ConfigError: the file cannot be read, a key or source is unknown (with the nearest one),
            or a value is wrong.
    """
    text = configuration.read(path, "mixture")
    return configuration.parse(text, MixtureSpec, kind="mixture", where=path, settings=settings)


def to_yaml(spec: MixtureSpec) -> str:
    """The spec as YAML that `load` reads to an equal one; what is at its default is left out."""
    import yaml

    data: Mapping[str, Any] = spec.model_dump(mode="json", exclude_defaults=True)
    data = {"castor": spec.castor, "name": spec.name, **data}
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


def moved(spec: MixtureSpec, old: pathlib.Path, new: pathlib.Path) -> MixtureSpec:
    """The same spec for a file in another folder: its paths lead to where they led.

    Links are followed first: behind one, `..` is the folder above what it leads to.
    """

    def path_from_new(tokens: str) -> str:
        return pathlib.Path(os.path.relpath((old / tokens).resolve(), new.resolve())).as_posix()

    sources = {
        name: source.model_copy(update={"tokens": path_from_new(source.tokens)})
        for name, source in spec.sources.items()
    }
    return spec.model_copy(update={"sources": sources})
