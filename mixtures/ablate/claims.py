"""What an ablation may claim, and what it may not: sentences from its own figures.

The bounds are those of published swarms, not ours. RegMix's own runs, fitted again: from 1M
parameters (1B tokens) to 1B (25B tokens) the rank correlation on the average of 13 domains stops
at 0.66 to 0.75 whatever is fitted, and for the one target Pile-CC it reaches 0.95 at 34 runs.
Olmix (2026) reports 0.73 with proxies of 1M parameters and more than 0.89 from 15M on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RANK = 1e6  # parameters without embeddings from which ranks of mixtures carry over in part
AVERAGE = 15e6  # from which averages over domains carry over (Olmix)
GOOD_RHO = 0.8
TOKENS_PER_PARAMETER = 20.0  # about the compute-optimal ratio (Chinchilla's rule of thumb)
RUNS_PER_DOMAIN = 2.0


def claims(result: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What may be said, and what may not, one sentence each.

    Args:
        result: what `ablation.json` holds, without these sentences.
    """
    proxy = result["proxy"]
    size, tokens = proxy["parameters_without_embeddings"], proxy["tokens_per_run"]
    may, may_not = [], []
    if result["accepted"]:
        confirm = result["confirm"]
        may.append(
            f"At {_big(proxy['parameters'])} parameters and {_big(proxy['confirm_tokens'])} tokens "
            f"the proposal beats the baseline by {confirm['gain']:.4f} ± "
            f"{confirm['standard_error']:.4f} bits per byte on the targets."
        )
    else:
        may_not.append("That the proposal is better than the baseline: the confirm runs do not.")
    if size < RANK:
        may += _directions(result)
        may_not.append(
            f"Real weights. The small models have {_big(size)} parameters without embeddings; "
            "below 1M not even the order of mixtures is known to carry over to a large model."
        )
    elif size < AVERAGE:
        may.append("The order of mixtures for one target.")
        may_not.append(
            f"Weights for an average of many targets: from {_big(size)} parameters to 1B the "
            "rank correlation was about 0.7 in published swarms."
        )
    else:
        may.append("The order of mixtures, also for an average of many targets (rho > 0.89).")
    return may, may_not + _limits(result, tokens / max(size, 1))


def _directions(result: Mapping[str, Any]) -> list[str]:
    """Which domains should have more and which less, where the intervals say so."""
    if result["rho"] < GOOD_RHO:
        return []
    domains = sorted(result["domains"].items())
    more = [name for name, d in domains if d["low"] > d["baseline"]]
    less = [name for name, d in domains if d["high"] < d["baseline"]]
    said = [f"more of {', '.join(more)}"] if more else []
    said += [f"less of {', '.join(less)}"] if less else []
    if not said:
        return []
    return [f"A direction: {', '.join(said)}; their intervals do not hold the baseline's weight."]


def _limits(result: Mapping[str, Any], per_parameter: float) -> list[str]:
    """The sentences that follow from runs, rho, tokens and repetition."""
    proxy, found = result["proxy"], []
    fitted = len(result["runs"])
    if result["rho"] < GOOD_RHO:
        found.append(
            f"The order of mixtures by the law: left-out runs were ranked with {result['rho']:.2f}."
        )
    if fitted < RUNS_PER_DOMAIN * len(result["domains"]):
        found.append(f"Tight weights: {fitted} runs for {len(result['domains'])} domains are few.")
    if per_parameter < TOKENS_PER_PARAMETER:
        found.append(
            f"Anything about fully trained models: each saw {per_parameter:.1f} tokens per "
            "parameter."
        )
    if not proxy["simulated_epochs"]:
        found.append("Anything about scarce sources: repetition was not matched to the target run.")
    elif proxy["short_slices"]:
        found.append(
            "The effect of repetition in "
            + ", ".join(proxy["short_slices"])
            + ": the slice could not be matched to the target run."
        )
    if proxy["confirm_tokens"] <= proxy["tokens_per_run"]:
        found.append("That the gain grows or holds with size: the confirm runs are no larger.")
    if result["stage"]["before"]:
        found.append(
            f"What {' and '.join(result['stage']['names'])} does after the earlier stages: the "
            "small models read its mixture from their first step."
        )
    found.append(
        "More certainty than the intervals hold: they cover the noise between runs, not the step "
        "from small models to a large one."
    )
    return found


def _big(n: float) -> str:
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if n >= unit:
            return f"{n / unit:.3g}{name}"
    return f"{n:.0f}"
