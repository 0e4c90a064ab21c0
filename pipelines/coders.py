"""The coder of RecordBatches between Beam steps: Arrow IPC.

Without it Beam pickles, and pickling a slice of a batch writes its whole parent buffer.
Steps must annotate their outputs with `tuple[int, pa.RecordBatch]`, or the coder is not
used.
"""

from __future__ import annotations

import apache_beam as beam
import pyarrow as pa


class RecordBatchCoder(beam.coders.Coder):
    """Encodes one RecordBatch as an Arrow IPC stream, schema metadata included."""

    def encode(self, value: pa.RecordBatch) -> bytes:
        """One IPC stream with one batch."""
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema) as writer:
            writer.write_batch(value)
        return sink.getvalue().to_pybytes()

    def decode(self, encoded: bytes) -> pa.RecordBatch:
        """The batch; its buffers are views of `encoded`."""
        with pa.ipc.open_stream(encoded) as reader:
            return reader.read_next_batch()

    def is_deterministic(self) -> bool:
        """False: equal batches may differ in their bytes, so no grouping by a batch."""
        return False

    def to_type_hint(self) -> type:
        """The type that Beam looks the coder up by."""
        return pa.RecordBatch


beam.coders.registry.register_coder(pa.RecordBatch, RecordBatchCoder)
