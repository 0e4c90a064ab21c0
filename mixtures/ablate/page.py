"""The page of an ablation: one self-contained HTML file, nothing from the network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

from castor.mixtures.ablate.figure import NAMED, figure, signed

STYLE = """
:root { --paper: #fbfaf7; --ink: #1c1f23; --quiet: #666b73; --rule: #e3e0d9; --yes: #1f7a5b;
  --no: #c25a1c; --sans: -apple-system, "Segoe UI", Inter, Roboto, "Helvetica Neue",
  "Liberation Sans", system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { :root { --paper: #14161a; --ink: #e7e4de; --quiet: #989da5;
  --rule: #2e3238; --yes: #4fb38c; --no: #e08a4c; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.55 var(--sans); }
main { max-width: 1120px; margin: 0 auto; padding: 2.6rem 24px 4rem; }
.brand { margin: 0 0 .7rem; color: var(--quiet); font-size: .82rem; letter-spacing: .09em;
  text-transform: uppercase; }
h1 { font-size: 2.4rem; letter-spacing: -.03em; line-height: 1.12; margin: 0 0 .5rem;
  overflow-wrap: anywhere; }
h2 { font-size: 1.35rem; letter-spacing: -.02em; margin: 2.6rem 0 .5rem; }
.lead { max-width: 48rem; margin: 0 0 1.6rem; font-size: 1.08rem; color: var(--quiet); }
.yes { color: var(--yes); } .no { color: var(--no); } strong { font-weight: 650; }
.figure { overflow-x: auto; }
.figure svg { display: block; width: 100%; min-width: 860px; height: auto; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .4rem .9rem .4rem 0; text-align: left; border-bottom: 1px solid var(--rule);
  font-weight: 400; vertical-align: top; }
thead th { color: var(--quiet); font-size: .8rem; vertical-align: bottom; }
tbody th { font-weight: 550; } .n { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; }
.claims { display: grid; grid-template-columns: 1fr 1fr; gap: 0 2.4rem; }
.claims h2 { margin-bottom: .3rem; } .claims ul { margin: 0; padding-left: 1.1rem; }
.claims li { margin: .35rem 0; } .note { color: var(--quiet); max-width: 48rem; font-size: .9rem; }
details { margin-top: 2rem; border-top: 1px solid var(--rule); padding-top: .8rem; }
summary { cursor: pointer; font-weight: 550; } td.named { color: var(--quiet); }
@media (max-width: 700px) { .claims { grid-template-columns: 1fr; } main { padding-inline: 16px; } }
"""


def page(result: Mapping[str, Any]) -> str:
    """The page of what `ablation.json` holds; the keys are those of `result.assemble`."""
    targets = ", ".join(f"{n}" for n in result["targets"])
    body = [
        Markup('<p class="brand">Castor · ablation of a mixture</p><h1>{}</h1>').format(
            result["name"]
        ),
        Markup('<p class="lead">{}</p>').format(_lead(result, targets)),
        Markup('<div class="figure">{}</div>').format(figure(result)),
        _claims(result),
        Markup("<h2>Domains</h2>"),
        _domains(result),
        Markup("<h2>Laws</h2>"),
        _laws(result),
        _confirm(result),
        _runs(result),
    ]
    return str(
        Markup(
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            "<title>{}: ablation</title><style>{}</style></head><body><main>{}</main></body>"
            "</html>\n"
        ).format(result["name"], Markup(STYLE), Markup("").join(body))
    )


def _lead(result: Mapping[str, Any], targets: str) -> Markup:
    proxy, gain = result["proxy"], result["gain"]
    verdict = (
        Markup('<strong class="yes">Accepted.</strong>')
        if result["accepted"]
        else Markup('<strong class="no">Not accepted.</strong>')
    )
    return Markup(
        "{} {} {} models of {:,} parameters, {:,} tokens each, weighed {} domains for {}. "
        "Predicted gain {} bits per byte, 95 % interval {} to {}, positive in {} of the replicates."
    ).format(
        verdict, result["verdict"], len(result["runs"]), proxy["parameters"],
        proxy["tokens_per_run"], len(result["domains"]), targets,
        signed(gain["predicted"]), signed(gain["low"]), signed(gain["high"]),
        f"{gain['probability']:.0%}".replace("%", " %"),
    )  # fmt: skip


def _claims(result: Mapping[str, Any]) -> Markup:
    def listed(sentences: Iterable[str]) -> Markup:
        items = Markup("").join(Markup("<li>{}</li>").format(s) for s in sentences)
        return Markup("<ul>{}</ul>").format(items or Markup("<li>Nothing.</li>"))

    return Markup(
        '<div class="claims"><div><h2>What may be claimed</h2>{}</div>'
        "<div><h2>What may not</h2>{}</div></div>"
    ).format(listed(result["claims"]["may"]), listed(result["claims"]["may_not"]))


def _domains(result: Mapping[str, Any]) -> Markup:
    rows = []
    for name, d in sorted(result["domains"].items(), key=lambda i: (-i[1]["proposed"], i[0])):
        cap = "" if d["cap"] is None else _percent(d["cap"])
        rows.append(
            [name, f"{d['tokens']:,}", _percent(d["natural"]), _percent(d["baseline"]),
             _percent(d["proposed"]), f"{_percent(d['low'])} to {_percent(d['high'])}",
             f"{d['epochs']:.2f}", cap, signed(d['slope'])]
        )  # fmt: skip
    heads = ["domain", "tokens", "natural", "baseline", "proposed", "95 % interval", "epochs",
             "cap", "marginal effect"]  # fmt: skip
    note = (
        "Epochs are those of the target run under the proposal. The marginal effect is what one "
        "per cent more of the domain, taken from all others in proportion, does to the score at "
        "the baseline, in hundredths of a bit per byte: negative helps."
    )
    return _table(heads, rows) + Markup('<p class="note">{}</p>').format(note)


def _laws(result: Mapping[str, Any]) -> Markup:
    rows = []
    for name, law in sorted(result["laws"].items()):
        tried = ", ".join(f"{kind} {rho:.3f}" for kind, rho in sorted(law["rho"].items()))
        held = result["held_out"][name]
        rows.append(
            [name, f"{result['targets'][name]:.2f}", law["kind"], tried, f"{held['tokens']:,}",
             f"{held['bytes']:,}"]
        )  # fmt: skip
    heads = ["target", "counts", "law", "rank correlation on left-out runs", "held-out tokens",
             "bytes"]  # fmt: skip
    scores = result["scores"]
    note = Markup(
        "Predicted scores: baseline {:.4f}, natural proportions {:.4f}, uniform {:.4f}, "
        "proposal {:.4f}; the best run of the swarm had {:.4f}."
    ).format(*(scores[k] for k in ("baseline", "natural", "uniform", "proposal", "best_run")))
    return _table(heads, rows, numbers_from=4) + Markup('<p class="note">{}</p>').format(note)


def _confirm(result: Mapping[str, Any]) -> Markup:
    confirm = result["confirm"]
    if confirm is None:
        return Markup("")
    rows = [
        [name, signed(gain), f"{error:.4f}", "yes" if name in result["targets"] else ""]
        for name, (gain, error) in sorted(confirm["by_domain"].items())
    ]
    return Markup("<h2>Confirm runs, by held-out domain</h2>") + _table(
        ["domain", "gain of the proposal", "standard error", "target"], rows
    )


def _runs(result: Mapping[str, Any]) -> Markup:
    names = sorted(result["domains"])
    rows = []
    for run in sorted(result["runs"], key=lambda r: r["score"]):
        weights = [_percent(run["mixture"].get(n, 0.0)) for n in names]
        label = NAMED.get(run.get("name") or "", "")
        rows.append([label, *weights, f"{run['score']:.4f}", f"{run['predicted']:.4f}"])
    lost = result["lost_runs"]
    summary = f"All {len(rows)} runs of the swarm" + (f", {lost} more were lost" if lost else "")
    return Markup("<details><summary>{}</summary>{}</details>").format(
        summary, _table(["", *names, "observed", "predicted when left out"], rows)
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers_from: int = 1) -> Markup:
    def cell(tag: str, i: int, text: str) -> Markup:
        kind = Markup(' class="n"') if i >= numbers_from else Markup("")
        return Markup("<{0}{1}>{2}</{0}>").format(Markup(tag), kind, text)

    head = Markup("").join(cell("th", i, h) for i, h in enumerate(heads))
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(cell("th" if i == 0 else "td", i, c) for i, c in enumerate(row))
        )
        for row in rows
    )
    return Markup(
        '<div class="wide"><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    ).format(head, body)


def _percent(share: float) -> Markup:
    return escape(f"{share:.1%}".replace("%", " %"))
