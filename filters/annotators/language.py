"""Which language a text is in, how sure that is, and what else is in it.

Option:
    model: the folder that `castor classifier train language` wrote, or a fastText model of
        languages (.bin or .ftz) such as lid.176 or GlotLID; by default Castor's own, whose
        languages and figures are in docs/language.md.
"""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from castor.filters.annotator import Context, annotator
from castor.filters.errors import ConfigError, unknown_name
from castor.filters.record import Modality

WHERE = "the options of annotator language"
WRITES: dict[str, pa.DataType] = {
    "code": pa.string(),
    "score": pa.float64(),
    "alternative": pa.string(),
    "second": pa.string(),
    "second_share": pa.float64(),
    "shares": pa.map_(pa.string(), pa.float64()),
}


def fingerprint(options: Mapping[str, object]) -> object:
    """What stands for the options in a manifest: the model by its digest, wherever it lies.

    Raises:
        ConfigError: an option is unknown, or there is no such model.
        CastorError: the model cannot be read.
    """
    path = _path(options)
    if path is None:
        return {}
    from castor.filters.language import identify

    if identify.is_fasttext(path):
        file = pathlib.Path(path)
        identify.by_fasttext(pa.array([], pa.large_string()), path)
    else:
        identify.opened(path)
        file = pathlib.Path(path)
        file = file / "model.npz" if file.is_dir() else file
    with file.open("rb") as stream:
        return {
            "model": hashlib.file_digest(
                stream, lambda: hashlib.blake2b(digest_size=16)
            ).hexdigest()
        }


@annotator(
    version=2,
    reads="batch",
    writes=WRITES,
    modalities=(Modality.TEXT, Modality.INTERLEAVED),
    check=fingerprint,
)
def language(batch: pa.RecordBatch, context: Context) -> Mapping[str, pa.Array]:
    """The language of a text by its letters; what a page says of itself stays in meta.language.

    `code`: BCP 47 of the main language; `und` for a text without letters and for a language
    that the model does not know. `score`: calibrated probability that it is right, 0 for `und`.
    `alternative`: the other one of two languages that are hard to tell apart (bs, hr and sr in
    Latin script; id and ms), where the text may be in it as well. `shares`: parts of the
    letters by language, those of 2 % and more; `second` and `second_share` are the next largest
    one, null in a text of one language. All are null where there is no text; a fastText model
    fills `code` and `score` only.
    """
    from castor.filters.language import identify

    column = batch.column("text")
    valid = column.is_valid()
    path = _path(context.options.get("language", {}))
    if path is not None and identify.is_fasttext(path):
        answers = identify.by_fasttext(column, path)
        found = {name: pa.nulls(len(column), kind) for name, kind in WRITES.items()}
        found["code"] = pa.array([code for code, _ in answers], pa.string())
        found["score"] = pa.array([score for _, score in answers], pa.float64())
    else:
        known = identify.languages(column, identify.opened(path))
        shares = known.shares()
        seconds = [list(row.items())[1] if len(row) > 1 else (None, None) for row in shares]
        found = {
            "code": pa.array(known.codes(), pa.string()),
            "score": pa.array(known.found.scores, pa.float64()),
            "alternative": pa.array(known.alternatives(), pa.string()),
            "second": pa.array([code for code, _ in seconds], pa.string()),
            "second_share": pa.array([share for _, share in seconds], pa.float64()),
            "shares": pa.array([list(row.items()) for row in shares], WRITES["shares"]),
        }
    if not column.null_count:
        return found
    return {n: pc.if_else(valid, a, pa.scalar(None, a.type)) for n, a in found.items()}


def _path(options: Mapping[str, object]) -> str | None:
    for name in options:
        if name != "model":
            raise unknown_name("option", name, ["model"], where=WHERE)
    path = options.get("model")
    if not isinstance(path, str | None):
        raise ConfigError("model must be a path", where=WHERE, got=repr(path))
    return path
