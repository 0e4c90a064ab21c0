"""Puts the page together: facts, drawings and samples into one HTML file."""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
import pathlib
from typing import Any

from castor.filters import storage
from castor.filters.errors import CastorError
from castor.pipelines import figures
from castor.pipelines.results import Results, open_run

# What the page shows of what was made of a dataset, if it lies in the run's folder.
LEARNING = (
    ("tokenizer", "Tokenizer"),
    ("mixture", "Mixture"),
    ("ablation", "Ablation"),
    ("training", "Training"),
)
SECTIONS = (
    ("flow", "Flow"),
    ("sources", "Sources"),
    ("reasons", "Reasons"),
    ("signals", "Signals"),
    ("unread", "Rejected"),
    ("samples", "Samples"),
    ("duplicates", "Duplicates"),
    ("media", "Media"),
    ("benchmarks", "Benchmarks"),
    *LEARNING,
    ("provenance", "Provenance"),
)


def build(out: pathlib.Path, *, target: pathlib.Path | None = None) -> pathlib.Path:
    """Writes one self-contained HTML page about a finished run.

    Args:
        out: the output folder of the run.
        target: the file to write; default: `report.html` in that folder.

    Returns:
        The file that was written.

    Raises:
        CastorError: there is no finished run, a file of it is damaged, or the page cannot be
            written.
    """
    results = open_run(out)
    target = target or pathlib.Path(out) / "report.html"
    html = _environment().get_template("page.html").render(_context(results))
    storage.write_bytes(target, html.encode("utf-8", "replace"))
    return target


def _context(results: Results) -> dict[str, Any]:
    from castor.pipelines.report import facts, mixing, samples, svg, training, vocabulary
    from castor.pipelines.report.histograms import charts

    style, script = _file("page.css"), _file("page.js")
    config = results.manifest["config"]
    kept, dropped = samples.texts(results, "kept"), samples.texts(results, "dropped")
    inputs = results.manifest["inputs"].values()
    learning = {
        "tokenizer": vocabulary.section(results.path),
        "mixture": mixing.mixture(results.path),
        "ablation": mixing.ablation(results.path),
        "training": training.section(results.path),
    }
    found = learning | {
        "name": results.name,
        "about": config.get("about"),
        "castor": results.manifest["castor"],
        "total": results.counts["total"],
        "started": _moment(results.run.get("started")),
        "seconds": results.run.get("seconds"),
        "limit": results.manifest.get("limit"),
        "input_files": sum(i["files"] for i in inputs),
        "input_bytes": sum(i["bytes"] for i in inputs),
        "kept_bytes": sum(row["kept"] for row in results.text_bytes().values()),
        "sections": [s for s in SECTIONS if learning.get(s[0], True)],
        "flows": [
            ("source", "rows by source",
             svg.flow(facts.shares_by(results, "by_source"), figures.number)),
            ("modality", "rows by modality",
             svg.flow(facts.shares_by(results, "by_modality"), figures.number)),
            ("bytes", "bytes of text", svg.flow(facts.byte_shares(results), figures.size)),
        ],
        "sources": facts.sources_table(results),
        "modalities": results.counts["by_modality"],
        "reasons": facts.reasons(results),
        "never_fired": results.manifest["rules_never_fired"],
        "errors": facts.counted(results, "error"),
        "charts": [(chart, svg.histogram(chart)) for chart in charts(results)],
        "rejections": facts.rejections(results),
        "skipped": facts.counted(results, "skipped"),
        "kept_texts": kept,
        "dropped_texts": dropped,
        "sampled": [s["name"] for s in config["sources"]
                    if s["name"] in kept or s["name"] in dropped],
        "pairs": samples.pairs(results),
        "pictures": samples.pictures(results),
        "recordings": samples.recordings(results),
        "benchmarks": samples.benchmarks(results),
        "checked": bool(results.manifest.get("benchmarks")),
        "provenance": facts.provenance(results),
    }  # fmt: skip
    digest = hashlib.sha256(script.encode()).digest()
    return found | {
        "style": _trusted(style),
        "script": _trusted(script),
        "script_hash": base64.b64encode(digest).decode(),
    }


def _environment() -> Any:
    try:
        import jinja2
    except ImportError as error:
        raise CastorError(
            "the library that fills in the report is missing", got=str(error),
            fix="install castor[report]; castor doctor shows what is there",
        ) from error  # fmt: skip
    environment = jinja2.Environment(
        loader=jinja2.DictLoader({n: _file(n) for n in ("page.html", "learning.html")}),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {
        "num": figures.number,
        "size": figures.size,
        "pct": figures.percent,
        "duration": figures.duration,
        "visible": visible,
        "value": value,
    }
    return environment


def _file(name: str) -> str:
    return (importlib.resources.files(__package__) / name).read_text(encoding="utf-8")


def _trusted(text: str) -> Any:
    """Our own style and script, which are not escaped."""
    from markupsafe import Markup

    return Markup(text)


def _moment(started: str | None) -> str:
    return (started or "").replace("T", " ").replace("+00:00", " UTC")


def value(found: Any) -> str:
    """A measured value in few characters."""
    if isinstance(found, bool):
        return "yes" if found else "no"
    return f"{found:.4g}" if isinstance(found, float) else str(found)


def visible(text: str) -> str:
    """Text whose control characters are shown and not obeyed."""
    return "".join(
        c if c in "\n\t" or c.isprintable() or c.isspace() else _picture(c) for c in str(text)
    )


def _picture(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    return "␡" if code == 0x7F else "\ufffd"
