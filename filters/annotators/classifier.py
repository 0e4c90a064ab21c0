"""What a classifier of one's own says of a text; any other question: spam, topics, a genre.

Options: `model`, `positive`, `threshold`, `pareto_alpha`; see _classified.py.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from castor.filters.annotator import Context, annotator
from castor.filters.annotators import _classified
from castor.filters.record import Modality


@annotator(
    version=1,
    reads="batch",
    writes=_classified.WRITES,
    modalities=(Modality.TEXT, Modality.INTERLEAVED),
    check=_classified.fingerprint,
)
def classifier(batch: pa.RecordBatch, context: Context) -> Mapping[str, pa.Array]:
    """The likeliest label of a text and the calibrated probability of the positive one.

    `label` and `confidence`: the likeliest label, and its probability. `probability`: of the
    positive label. `margin`: probability minus threshold. `pareto_margin`: a Pareto number minus
    (1 - probability); above 0 is GPT-3's rule for keeping some of what scores low (Brown et al.
    2020, arXiv:2005.14165, appendix A); the number depends on the document's key alone. The last
    three are null where the model has no positive label, and all are where there is no text.
    """
    return _classified.classify(batch, context.options.get("classifier", {}))
