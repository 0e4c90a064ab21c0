"""FineWeb's chain by datatrove, from WARC to masked text: processor time for a page.

Asked with `folder`, `name` of the archive and `pages`. WarcReader, Trafilatura, the four filters,
PIIFormatter. The language filter is left out: its model is not in the package. The extractor runs
in a child process, whose time counts too; so that start-up does not, a short run is subtracted
from a long one.
"""

import json
import logging
import os
import sys

from datatrove.pipeline import filters
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.formatters import PIIFormatter
from datatrove.pipeline.readers import WarcReader
from datatrove.utils.logging import logger

logger.remove()
logging.disable(logging.CRITICAL)


def cpu_s():
    """Processor time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def run(folder, name, n_pages):
    """Seconds for the first pages of an archive, and how many passed everything."""
    began = cpu_s()
    documents = WarcReader(folder, glob_pattern=name, limit=n_pages)()
    for step in (
        Trafilatura(),
        filters.GopherRepetitionFilter(),
        filters.GopherQualityFilter(),
        filters.C4QualityFilter(filter_no_terminal_punct=False),
        filters.FineWebQualityFilter(),
        PIIFormatter(),
    ):
        documents = step(documents)
    kept = sum(1 for _ in documents)
    return cpu_s() - began, kept


asked = json.load(sys.stdin)
few = max(1, asked["pages"] // 5)
run(asked["folder"], asked["name"], 2)
short, _ = run(asked["folder"], asked["name"], few)
long, kept = run(asked["folder"], asked["name"], asked["pages"])
rate = (asked["pages"] - few) / (long - short)
json.dump({"pages_per_s": rate, "kept": kept}, sys.stdout)
