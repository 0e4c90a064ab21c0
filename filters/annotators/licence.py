"""Licences: whether the terms that a row states are permissive, or copyleft."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from castor.filters import spdx
from castor.filters.annotator import Context, annotator
from castor.filters.record import Modality


@annotator(
    version=2,
    reads="batch",
    modalities=list(Modality),
    writes={"permissive": pa.bool_(), "copyleft": pa.bool_()},
)
def licence(batch: pa.RecordBatch, context: Context) -> dict[str, Any]:
    """Reads `meta.licence`, an SPDX expression such as `Apache-2.0 OR MIT`.

    `permissive`: usable under terms that the Blue Oak Council rates bronze or better; with
    OR one such choice is enough, with AND all must be. `copyleft`: no choice without
    copyleft terms. Null where no licence is stated, or one that is not known.
    """
    stated = pc.map_lookup(batch.column("meta"), pa.scalar("licence"), "first").to_pylist()
    found = {text: None if text is None else spdx.parse(text) for text in set(stated)}
    return {
        "permissive": pa.array([_of(found[t], spdx.is_permissive) for t in stated], pa.bool_()),
        "copyleft": pa.array([_of(found[t], spdx.is_copyleft) for t in stated], pa.bool_()),
    }


def _of(expression: spdx.Expression | None, question: Any) -> bool | None:
    return None if expression is None else question(expression)
