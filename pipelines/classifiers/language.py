"""The kind `language`: which language a text is in."""

from __future__ import annotations

import collections
import dataclasses
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from castor.filters.errors import ConfigError, unknown_name
from castor.filters.language import identify
from castor.filters.language import model as models
from castor.filters.language.kernels import alphabets
from castor.filters.language.kernels.alphabets import ANSWERS, SCORED, TELL_TALES, Alphabets
from castor.filters.language.kernels.layout import DIRECT, N_FACTS, N_RATES, NATS
from castor.filters.language.kernels.vectors import LANES
from castor.filters.language.model import Answer, Model, Table
from castor.pipelines.classifiers import _language_fit as fit
from castor.pipelines.classifiers import _language_table as tables
from castor.pipelines.classifiers._language_rows import (
    Rows,
    latin_serbian,
    read,
    script_of_languages,
)

HELP = """\
Which language a text is in: naive Bayes over runs of four letters and words.
DATA are JSON lines (.jsonl, .jsonl.gz) with `lang` (BCP 47) and `text`, a sentence or more.
Languages that share the Latin, Cyrillic, Arabic or Devanagari script are learned; any other
script answers by itself. Serbian is learned in Latin script too, from its Cyrillic texts.
  features=325000           most features in the table; about six bytes of the file each
  families=bs,hr,sr;id,ms   languages that are hard to tell apart
OUT holds model.npz, which `castor.filters.identify_language(texts, model=...)` and the
annotator `language` read."""
OPTIONS = {"features": "325000", "families": "bs,hr,sr;id,ms"}
FOLDS = 4
CHUNK_MARGIN, PART_MARGIN = 80.0, 16.0  # nats; see layout.Weights.limits
NOISE_MARGIN = 5.0  # nats by which a text is in another language than its label says
# Nats that Serbian must lead by in Latin script, where its neighbours are the likelier guess and
# no text that was written so teaches it.
LATIN_SERBIAN = 12.0


def train(
    data: Sequence[Path], out: Path, *, seed: int, options: Mapping[str, str]
) -> dict[str, Any]:
    """Writes model.npz; returns the facts of its card.

    Raises:
        ConfigError: an option or a row is wrong.
    """
    chosen = _checked(options)
    rows = read(data)
    job = _Training.prepare(rows, int(chosen["features"]), _families(chosen["families"]))
    job = job.judged()
    facts = fit.joined([job.fold(k, seed) for k in range(FOLDS)])
    usual = fit.usual(facts)
    facts = fit.from_usual(facts, usual)
    known, refused_below = fit.known(facts)
    japanese = [text for text, code in zip(*rows, strict=True) if code == "ja"]
    limits = _limits(refused_below, fit.kana_rate(japanese))
    table, floors = job.learn(np.ones(len(job.lanes), bool))
    answer = Answer(floors, job.priors, known, fit.right(facts), limits, usual.ravel())
    models.write(out / models.FILE, job.scored, job.families, job.letters, table, answer)
    whole = facts.whole & facts.known
    return {
        "texts": len(rows.texts),
        "texts_that_contradict_their_label": int((~job.clean).sum()),
        "languages_learned": {script.title(): job.scored[script] for script in SCORED},
        "languages_by_script": sorted({*ANSWERS.values(), *(t.code for t in TELL_TALES)}),
        "families": [", ".join(family) for family in job.families],
        "nats_for_languages": job.leads(),
        "features": len(table.tags),
        "lists": len(table.lengths),
        "bytes": (out / models.FILE).stat().st_size,
        "unicode": unicodedata.unidata_version,
        "held_out": {
            "accuracy_in_scored_scripts": round(float(facts.right[whole].mean()), 4),
            "unknown_languages_refused": fit.refused(facts, known, refused_below),
        },
    }


def evaluate(model: Path, data: Sequence[Path], *, options: Mapping[str, str]) -> dict[str, Any]:
    """Accuracy, macro F1, calibration and the languages that are taken for each other.

    Raises:
        ConfigError: an option or a row is wrong.
        CastorError: the model cannot be read.
    """
    for name in options:
        raise unknown_name("option", name, (), where="kind language")
    rows = read(data)
    column = pa.array(rows.texts, pa.large_string())
    answers = identify.languages(column, models.read(model / models.FILE))
    told, truth = np.array(answers.codes()), np.array(rows.codes)
    right = told == truth
    f1 = [
        2 * (right & (truth == code)).sum() / max(1, (told == code).sum() + (truth == code).sum())
        for code in sorted(set(rows.codes))
    ]
    wrong = collections.Counter(zip(told[~right].tolist(), truth[~right].tolist(), strict=True))
    scores = answers.found.scores.astype(np.float64)
    return {
        "texts": len(right),
        "languages": len(f1),
        "accuracy": round(float(right.mean()), 4),
        "accuracy_interval": fit.wilson(int(right.sum()), len(right)),
        "macro_f1": round(float(np.mean(f1)), 4),
        "calibration_error": round(fit.calibration_error(scores, right), 4),
        "unknown": round(float((told == models.UNKNOWN).mean()), 4),
        "taken_for": {f"{truth} for {told}": n for (told, truth), n in wrong.most_common(10)},
    }


def _checked(options: Mapping[str, str]) -> dict[str, str]:
    for name in options:
        if name not in OPTIONS:
            raise unknown_name("option", name, OPTIONS, where="kind language")
    chosen = OPTIONS | dict(options)
    if not chosen["features"].isdecimal() or not 0 < int(chosen["features"]) <= 1 << 19:
        raise ConfigError(
            "the number of features is out of range", where="features",
            got=chosen["features"], fix=f"give 1 to {1 << 19}",
        )  # fmt: skip
    return chosen


def _families(text: str) -> list[list[str]]:
    return [[code.strip() for code in family.split(",")] for family in text.split(";") if family]


def _limits(refused_below: float, kana_rate: float) -> np.ndarray:
    margins = [CHUNK_MARGIN / NATS, PART_MARGIN / NATS]
    return np.array([*margins, refused_below, kana_rate], np.float64)


@dataclasses.dataclass(frozen=True)
class _Training:
    """The texts and their features, counted once for all folds.

    Attributes:
        lanes: int16 [texts]; number of each text's language, -1 where its script answers.
        clean: bool [texts]; whether its label is believed.
        priors: see `layout.Weights`.
        absent: by fold, the languages that its model must not know.
    """

    rows: Rows
    lanes: np.ndarray
    clean: np.ndarray
    priors: np.ndarray
    scored: dict[str, list[str]]
    families: list[list[str]]
    absent: list[set[str]]
    letters: Alphabets
    features: tables.Features
    most: int

    @classmethod
    def prepare(cls, rows: Rows, most: int, families: list[list[str]]) -> _Training:
        letters = alphabets.build()
        by_script = script_of_languages(rows, letters)
        scored = {name: sorted(c for c, s in by_script.items() if s == name) for name in SCORED}
        related = {code for family in families for code in family}
        alone = [c for name in SCORED for c in scored[name] if c not in related]
        home = {code: SCORED.index(s) for code, s in by_script.items() if s in SCORED}
        homes = [home.get(code, -1) for code in rows.codes]
        if "sr" in scored["CYRILLIC"]:
            own = [latin_serbian(t) for t, c in zip(*rows, strict=True) if c == "sr"]
            scored["LATIN"] = sorted([*scored["LATIN"], "sr"])
            rows = Rows([*rows.texts, *own], [*rows.codes, *["sr"] * len(own)])
            homes += [SCORED.index("LATIN")] * len(own)
        for name in SCORED:
            if len(scored[name]) > LANES:
                raise ConfigError(
                    "too many languages of one script", where=name.title(),
                    got=len(scored[name]), fix=f"give {LANES} at most",
                )  # fmt: skip
        lanes = np.array(
            [s * LANES + scored[SCORED[s]].index(c) if s >= 0 else -1
             for s, c in zip(homes, rows.codes, strict=True)], np.int16,
        )  # fmt: skip
        empty = models.build(scored, families, letters._asdict() | _nothing())
        found = tables.features(rows.texts, lanes, empty)
        absent = [set(alone[k::FOLDS]) for k in range(FOLDS)]
        priors = np.zeros(DIRECT, np.int64)
        if "sr" in scored["LATIN"]:
            priors[scored["LATIN"].index("sr")] = round(-LATIN_SERBIAN / NATS)
        clean = np.ones(len(lanes), bool)
        return cls(rows, lanes, clean, priors, scored, families, absent, letters, found, most)

    def learn(self, use: np.ndarray) -> tuple[Table, np.ndarray]:
        """The table and the floors of the texts that are to be used: bool [texts]."""
        counts = tables.count(self.features, use & self.clean)
        floors = tables.fixed_floors(tables.floors(counts), counts.totals)
        return tables.table(counts, self.most), floors

    def candid(self, use: np.ndarray) -> Model:
        """A model of the texts that are to be used which never says that it does not know."""
        table, floors = self.learn(use)
        zeros = np.zeros(N_FACTS)
        limits = _limits(fit.REFUSE_NOTHING, 1.0)
        answer = Answer(floors, self.priors, zeros, zeros, limits, np.zeros(N_RATES * DIRECT))
        arrays = self.letters._asdict() | table._asdict() | answer._asdict()
        return models.build(self.scored, self.families, arrays)

    def judged(self) -> _Training:
        """The same, as the other folds' models see it: without noise, and with fair families.

        Texts that are in another language than their label says are left out, but languages of
        one family excuse each other; the second language of a family is given a lead over the
        first where they need one.
        """
        place = np.arange(len(self.lanes)) % FOLDS
        parts = [self.candid(place != k) for k in range(FOLDS)]
        order = np.concatenate([np.flatnonzero(place == k) for k in range(FOLDS)])
        found = [
            fit.told(model, [self.rows.texts[i] for i in np.flatnonzero(place == k)])
            for k, model in enumerate(parts)
        ]
        told = fit.Told(*(np.concatenate(part) for part in zip(*found, strict=True)))
        truth = np.array(self.rows.codes)[order]
        family = {code: k for k, codes in enumerate(self.families) for code in codes}
        home = [[family.get(code, -1) for code in each] for each in (truth, told.codes)]
        own, other = np.array(home)
        related = (told.codes == truth) | ((own == other) & (own >= 0))
        clean = np.ones(len(order), bool)
        clean[order] = related | (told.margins < NOISE_MARGIN)
        priors = self.priors.copy()
        for first, second in (family[:2] for family in self.families):
            for script, name in enumerate(SCORED):
                if first in self.scored[name] and second in self.scored[name]:
                    lane = script * LANES + self.scored[name].index(second)
                    priors[lane] = round(fit.lead(told, truth, first, second) / NATS)
        return dataclasses.replace(self, clean=clean, priors=priors)

    def leads(self) -> dict[str, float]:
        """Nats that a language is given or must lead by, where that is not 0."""
        lanes = np.flatnonzero(self.priors)
        names = {lane: self.scored[SCORED[lane // LANES]][lane % LANES] for lane in lanes.tolist()}
        return {code: round(float(self.priors[lane] * NATS), 2) for lane, code in names.items()}

    def fold(self, k: int, seed: int) -> fit.Facts:
        """The facts of a fold's texts, and of languages that its model does not know."""
        absent = np.isin(self.rows.codes, sorted(self.absent[k]))
        mine = np.arange(len(self.lanes)) % FOLDS == k
        model = self.candid(~mine & ~absent)
        chosen = np.flatnonzero(mine)
        rows = Rows(*([column[i] for i in chosen] for column in self.rows))
        return fit.held_out(model, rows, self.clean[chosen], self.absent[k], seed + k)


def _nothing() -> dict[str, np.ndarray]:
    """The arrays of a model that has learned nothing yet."""
    none = np.zeros(0, np.uint8)
    table = Table(np.zeros(models.BUCKETS, np.uint8), none, none, np.zeros(1, np.uint8), none, none)
    zeros = np.zeros(N_FACTS)
    usual, priors = np.zeros(N_RATES * DIRECT), np.zeros(DIRECT, np.int64)
    answer = Answer(np.zeros(DIRECT, np.int32), priors, zeros, zeros, np.zeros(4), usual)
    return table._asdict() | answer._asdict()
