"""A dataset of Castor's own, read again with all its signal columns."""

from __future__ import annotations

from collections.abc import Iterator

from castor.filters.record import from_batch
from castor.pipelines.dataset import read_schema, read_shard
from castor.pipelines.source import InputFile, Item, NoOptions, source


@source(version=1, files=["part-*.parquet"], of_dataset=True)
def dataset(file: InputFile, options: NoOptions) -> Iterator[Item]:
    """The records of one shard, in order.

    A run passes whole batches on instead, so that the signal columns stay.
    """
    read_schema(file.local_path)
    for batch in read_shard(file.local_path):
        yield from from_batch(batch)
