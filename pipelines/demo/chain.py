"""The token side of the demonstration: tokenizer, tokens, mixture, ablation, model, scores.

Every step is one verb of the command line, called as its function, on what the step before
left. So each is skipped when nothing changed, and resumes when it was interrupted.
"""

from __future__ import annotations

import dataclasses
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from castor.filters import storage
from castor.filters.display import Display
from castor.mixtures.ablate import plant
from castor.pipelines import api
from castor.pipelines.demo import specs
from castor.pipelines.demo.specs import Size
from castor.pipelines.figures import size as size_of

Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Done:
    """One step that was done: its name, seconds, what came of it in one line, and where."""

    name: str
    seconds: float
    result: str
    path: pathlib.Path

    def summary(self) -> dict[str, Any]:
        """The step as JSON values."""
        return dataclasses.asdict(self) | {"path": str(self.path)}


def run(
    out: pathlib.Path,
    *,
    size: Size,
    workers: int | None = None,
    force: bool = False,
    say: Say = print,
) -> list[Done]:
    """Goes on from the dataset in `out` to a trained and evaluated model.

    Args:
        out: the output folder of a finished run; everything new goes to folders inside it.
        size: how large; see `specs.size_for`.
        workers: processes for counting and encoding.
        force: do everything again, also what is there already.
        say: takes a line about every step as it ends.

    Raises:
        CastorError: a step failed; the same call goes on from there.
    """
    from castor.pipelines import report

    found = []
    before = time.monotonic()
    for name, result, path in _steps(out, size, workers, force):
        now = time.monotonic()
        done = Done(name, now - before, result, path)
        say(f"{done.name:<10} {done.seconds:6.1f} s  {done.result}")
        found.append(done)
        before = now
    report.build(out)
    return found


def _steps(
    out: pathlib.Path, size: Size, workers: int | None, force: bool
) -> Iterator[tuple[str, str, pathlib.Path]]:
    """(name, result, path) of every step, after it was done."""
    tokenizer, tokens = out / "tokenizer", out / "tokens"
    with Display() as display:
        trained = api.tokenizer_train(
            out,
            tokenizer,
            vocab_size=size.vocab_size,
            coverage=size.coverage,
            image_codes=size.image_codes,
            keep_counts=True,
            workers=workers,
            force=force,
            watch=display.show,
        )
    yield "tokenizer", _tokenizer_line(trained), tokenizer
    with Display() as display:
        api.tokenizer_eval(tokenizer, out, watch=display.show)
    yield "scores", "of the tokenizer, by language and source", tokenizer / "evaluation.json"
    with Display() as display:
        encoded = api.tokenizer_encode(
            out,
            tokens,
            tokenizer=tokenizer,
            heldout=size.heldout,
            workers=workers,
            force=force,
            watch=display.show,
        )
    yield "tokens", _tokens_line(encoded), tokens
    yield "mixture", *_mixture(out, size, force)
    yield "ablation", *_ablation(out, size, force)
    yield "model", *_model(out, size, force)
    scores = api.evaluate(out / "train", tokens, limit=size.scored)
    yield "evaluation", _scores_line(scores), out / "train" / "evaluation.json"


def _mixture(out: pathlib.Path, size: Size, force: bool) -> tuple[str, pathlib.Path]:
    spec = out / "mixture.yaml"
    _write(spec, specs.mixture(out / "tokens", size))
    compiled = api.mixture_compile(spec, out / "mixture", force=force)
    stages = compiled.preview["stages"]
    line = f"{compiled.preview['total']['tokens']:,} tokens in {len(stages)} stages"
    return line, out / "mixture"


def _ablation(out: pathlib.Path, size: Size, force: bool) -> tuple[str, pathlib.Path]:
    from castor import tokenizer

    bytes_of = tokenizer.load(out / "tokenizer").piece_bytes
    target, others = specs.planted(out / "tokens", size)
    planted = plant.plant(
        out / "tokens",
        out / specs.PLANTED,
        piece_bytes=bytes_of,
        target=target,
        others=others,
        domain_tokens=size.planted_tokens,
        related_tokens=size.planted_tokens // 2,
        longest=8_192,
        heldout_tokens=size.planted_heldout,
        force=force,
    )
    spec = out / "ablation.yaml"
    _write(spec, specs.ablation(sorted(planted.tokens), size))
    found = api.ablate(spec, out / "ablation", force=force)
    return _ablation_line(found), out / "ablation"


def _model(out: pathlib.Path, size: Size, force: bool) -> tuple[str, pathlib.Path]:
    config = out / "train.yaml"
    _write(config, specs.training(size))
    found = api.train(config, out / "train", force=force)
    line = (
        f"{found['parameters']['total']:,} parameters, {found['steps']:,} steps, "
        f"loss {found['loss']:.2f} nats"
    )
    return line, out / "train"


def _write(path: pathlib.Path, text: str) -> None:
    """Writes a configuration, unless the same one is there: its time is not part of anything."""
    if not path.is_file() or path.read_text("utf-8") != text:
        storage.write_bytes(path, text.encode())


def _tokenizer_line(found: Any) -> str:
    made = found.manifest
    text = sum(s["taken_bytes"] for s in made["sample"]["strata"])
    return (
        f"{made['id_space']['text_size']:,} pieces from {size_of(text)} of text, "
        f"{made['id_space']['size']:,} ids in all"
    )


def _tokens_line(found: Any) -> str:
    splits = [s for source in found.manifest["sources"].values() for s in source.values()]
    n_tokens, n_bytes = (sum(s[k] for s in splits) for k in ("tokens", "text_bytes"))
    return f"{n_tokens:,} tokens, {n_bytes / n_tokens:.2f} bytes of text each"


def _ablation_line(found: dict[str, Any]) -> str:
    by_use = sorted(found["domains"].items(), key=lambda item: item[1]["slope"])
    order = ", then ".join(name for name, _ in by_use)
    found_it = plant.in_order({name: d["slope"] for name, d in found["domains"].items()})
    planted = "as planted" if found_it else "not as planted"
    verdict = "accepted" if found["accepted"] else "not accepted"
    return f"most use to the target: {order} ({planted}); the proposal is {verdict}"


def _scores_line(scores: dict[str, Any]) -> str:
    total = scores["total"]
    return (
        f"{total['bits_per_byte']:.2f} bits per byte of held-out text, where unigrams of each "
        f"source need {total['unigram_bits_per_byte']['own']:.2f}"
    )
