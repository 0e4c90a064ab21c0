"""What the report says of a training: curves of its log, and its held-out scores."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from castor.filters import outputs, storage
from castor.filters.errors import CastorError
from castor.pipelines.report.lines import Curve, curves

FOLDER = "train"


def section(out: pathlib.Path) -> dict[str, Any] | None:
    """The context of the section, or None if nothing was trained in `out`/train.

    Keys: `facts`, `loss`, `router` (or None), `load` (or None), `scores` (or None), `position`.
    """
    folder = out / FOLDER
    if not (folder / outputs.MANIFEST).is_file():
        return None
    manifest = outputs.read(folder, "training")
    log = _log(folder / "log.jsonl")
    scores = folder / "evaluation.json"
    found = storage.read_json(scores) if scores.is_file() else None
    return {
        "facts": _facts(manifest, log),
        "loss": _loss(log),
        "router": _router(log),
        "load": _load(log),
        "scores": _scores(found) if found else None,
        "position": _position(found) if found else None,
    }


def _log(path: pathlib.Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_bytes().splitlines()]
    except (OSError, ValueError) as error:
        raise CastorError("cannot read the log of the training", where=path, got=error) from error


def _facts(manifest: Mapping[str, Any], log: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    model = manifest["made_from"]["config"]["model"]
    last = log[-1] if log else {}
    parameters = manifest["parameters"]
    facts = [
        ("parameters", f"{parameters['total']:,}, of which {parameters['active']:,} are active"),
        ("layers", f"{model['layers']} of width {model['d_model']}"),
        ("heads", f"{model['heads']}, of keys and values {model['kv_heads']}"),
    ]
    if model["experts"]:
        facts.append(
            ("experts", f"{model['experts']}, {model['top_k']} for each token, in every "
                        f"{_nth(model['moe_every'])} layer")
        )  # fmt: skip
    if last:
        facts.append(("steps", f"{last['step']:,}"))
        facts.append(("tokens", f"{last['tokens']:,}"))
    return facts


def _nth(n: int) -> str:
    return {1: "", 2: "second", 3: "third"}.get(n, f"{n}th").strip() or "single"


def _loss(log: Sequence[Mapping[str, Any]]) -> Any:
    """The loss by source over tokens, in nats per token, and that of all together."""
    whole = Curve("all", [(r["tokens"], r["loss"]) for r in log if r["loss"] is not None])
    names = sorted({name for r in log for name in r["loss_by_source"]})
    return curves(
        [whole, *(Curve(n, _named(log, "loss_by_source", n)) for n in names)],
        x="tokens",
        y="nats per token",
    )


def _named(log: Sequence[Mapping[str, Any]], key: str, name: str) -> list[tuple[float, float]]:
    return [(r["tokens"], r[key][name]) for r in log if name in r[key]]


def _router(log: Sequence[Mapping[str, Any]]) -> Any:
    """How evenly the experts are used: greatest load (1 is even) and dropped share."""
    routed = [r for r in log if r.get("router")]
    if not routed:
        return None
    return curves(
        [
            Curve("greatest load of an expert, 1 is even",
                  [(r["tokens"], r["router"]["load_max"]) for r in routed]),
            Curve("share of assignments dropped",
                  [(r["tokens"], r["router"]["dropped"]) for r in routed]),
        ],
        x="tokens",
        y="load",
    )  # fmt: skip


def _load(log: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[float]]] | None:
    """The last load of every expert, by layer, as a share of an even one."""
    routed = [r for r in log if r.get("router")]
    if not routed:
        return None
    load = routed[-1]["router"]["load"]
    return [
        (f"layer {i + 1}", [share * len(layer) for share in layer]) for i, layer in enumerate(load)
    ]


def _scores(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = [{"name": n, **row} for n, row in found["sources"].items() if row["documents"]]
    return [*rows, {"name": "all", **found["total"]}]


def _position(found: Mapping[str, Any]) -> Any:
    points = [(row["up_to"], row["nll"]) for row in found["nll_by_position"]]
    if not points:
        return None
    return curves(
        [Curve("mean loss up to a position", points)], x="position", y="nats per token", log_x=True
    )
