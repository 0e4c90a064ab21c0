"""Annotators: measure one thing of every document, never drop, never edit.

Three ways to write one, all with `@annotator`, one per file in filters/annotators/:

    @annotator(version=1)                       # a function of the text
    def words(text: str) -> Words | None: ...

    @annotator(version=1, reads="media", modalities=[Modality.IMAGE])
    def image(media: Media) -> Picture | None:  # of the bytes of the first medium

    @annotator(version=1, reads="batch", writes={"words": pa.int32()})
    def text(batch, context) -> dict[str, pa.Array]:   # of a whole RecordBatch

The row type of the first two is a NamedTuple whose fields are the signals. The columns
are `<name>.<signal>` and `<name>.error`. What cannot be measured is null; an exception
costs its own row only: null signals and the text of the exception in `<name>.error`.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping

import pyarrow as pa

from castor.filters.errors import CastorError
from castor.filters.media.failure import MediaError
from castor.filters.options import Check, checked
from castor.filters.record import MediaRef, Modality
from castor.filters.registry import load_version

ARROW_TYPES = {int: pa.int64(), float: pa.float64(), bool: pa.bool_(), str: pa.string()}


@dataclasses.dataclass(frozen=True)
class Context:
    """What a measurement may need beside the batch.

    Attributes:
        roots: absolute folder of each input root by name, to open media from.
        options: annotator name -> its options from the recipe.
    """

    roots: Mapping[str, str] = dataclasses.field(default_factory=dict)
    options: Mapping[str, Mapping[str, object]] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Media:
    """One medium of a row, given to a `reads="media"` annotator.

    `read()` fetches the bytes; `meta` are the row's facts.
    """

    ref: MediaRef
    meta: Mapping[str, str]
    roots: Mapping[str, str]

    def read(self) -> bytes:
        """The bytes of the medium, from its input root."""
        from castor.filters.media.reference import read_media

        return read_media(self.ref, self.roots)


@dataclasses.dataclass(frozen=True)
class Annotator:
    """One measurement with its name, version and the signals that it writes.

    The version is raised whenever any written value can change. The object stays callable
    as the function that was decorated.
    """

    name: str
    version: int
    reads: str
    modalities: frozenset[Modality]
    signals: Mapping[str, pa.DataType]
    function: Callable[..., typing.Any]
    module: str
    doc: str
    checked_by: Check | None = None

    def __call__(self, *args: typing.Any) -> typing.Any:
        """Measures one document (or batch), as the decorated function does."""
        return self.function(*args)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickles as a name and a version: a worker with another version refuses."""
        return load_version, ("annotator", self.module, self.version)

    @property
    def columns(self) -> list[pa.Field]:
        """The Arrow fields that `annotate` adds."""
        fields = [pa.field(f"{self.name}.{s}", t) for s, t in self.signals.items()]
        return [*fields, pa.field(f"{self.name}.error", pa.string())]

    def check(self, options: Mapping[str, object]) -> object:
        """Refuses wrong options before anything runs; gives what stands for them in a manifest.

        Raises:
            ConfigError: an option is unknown or wrong, or there are any and it takes none.
        """
        return checked("annotator", self.name, self.checked_by, options)

    def annotate(self, batch: pa.RecordBatch, context: Context | None = None) -> pa.RecordBatch:
        """Measures every row; returns the signal columns only: same rows, same order.

        Rows of other modalities are null in every column. If the function of a
        `reads="batch"` annotator raises, the rows are retried one by one.
        """
        context = context or Context()
        mask = [Modality(m) in self.modalities for m in batch.column("modality").to_pylist()]
        if self.reads == "batch":
            return self._annotate_batch(batch, mask, context)
        inputs = self._inputs(batch, mask, context)
        rows, errors = [], []
        for value in inputs:
            row, error = (None, None) if value is None else self._one(value)
            rows.append(row)
            errors.append(error)
        arrays = [
            pa.array([None if r is None else getattr(r, s) for r in rows], t)
            for s, t in self.signals.items()
        ]
        return self._as_batch([*arrays, pa.array(errors, pa.string())])

    def _one(self, value: object) -> tuple[typing.Any, str | None]:
        try:
            return self.function(value), None
        except Exception as error:  # noqa: BLE001 - it costs its own row, which tells it
            return None, self._told(error)

    def _inputs(
        self, batch: pa.RecordBatch, mask: list[bool], context: Context
    ) -> Iterable[object]:
        if self.reads == "text":
            texts = batch.column("text").to_pylist()
            return [t if m else None for t, m in zip(texts, mask, strict=True)]
        media = batch.column("media").to_pylist()
        meta = batch.column("meta").to_pylist()
        return [
            Media(MediaRef(**refs[0]), dict(facts), context.roots) if m and refs else None
            for refs, facts, m in zip(media, meta, mask, strict=True)
        ]

    def _annotate_batch(
        self, batch: pa.RecordBatch, mask: list[bool], context: Context
    ) -> pa.RecordBatch:
        if all(mask):
            return self._measured(batch, context)
        chosen = [i for i, m in enumerate(mask) if m]
        part = self._measured(batch.take(pa.array(chosen, pa.int64())), context)
        position = {row: i for i, row in enumerate(chosen)}
        index = pa.array([position.get(i) for i in range(batch.num_rows)], pa.int64())
        return self._as_batch([column.take(index) for column in part.columns])

    def _measured(self, batch: pa.RecordBatch, context: Context) -> pa.RecordBatch:
        if batch.num_rows == 0:
            return self._as_batch([pa.nulls(0, f.type) for f in self.columns])
        try:
            found = self.function(batch, context)
            arrays = [found[s].cast(t) for s, t in self.signals.items()]
            return self._as_batch([*arrays, pa.nulls(batch.num_rows, pa.string())])
        except Exception as error:  # noqa: BLE001 - it costs its own row, which tells it
            message = self._told(error)
            if batch.num_rows > 1:
                rows = [self._measured(batch.slice(i, 1), context) for i in range(batch.num_rows)]
                return pa.concat_batches(rows)
            nulls = [pa.nulls(1, t) for t in self.signals.values()]
            return self._as_batch([*nulls, pa.array([message], pa.string())])

    def _told(self, error: Exception) -> str:
        """What a row says of its own fault; that of the installation or the options is raised."""
        if isinstance(error, CastorError) and not isinstance(error, MediaError):
            raise error
        if isinstance(error, ImportError):
            raise CastorError(
                "a package that an annotator needs cannot be imported",
                where=f"annotator {self.name!r}",
                got=str(error),
                fix="`castor doctor` says what is missing and how to install it",
            ) from error
        return f"{type(error).__name__}: {error}"[:500]

    def _as_batch(self, arrays: list[pa.Array]) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(self.columns))


def annotator(
    *,
    version: int,
    reads: str = "text",
    modalities: Iterable[Modality] = (Modality.TEXT, Modality.CODE, Modality.INTERLEAVED),
    writes: Mapping[str, pa.DataType] | None = None,
    check: Check | None = None,
) -> Callable[[Callable[..., typing.Any]], Annotator]:
    """Makes the decorated function an Annotator named like its file.

    Args:
        version: raise it whenever any written value can change.
        reads: `text`, `media` or `batch`; see the module's docstring.
        modalities: rows of other modalities are null.
        writes: signal -> Arrow type, for `reads="batch"`; otherwise it follows from the
            NamedTuple that the function is annotated to return.
        check: of an annotator that takes options: given those of a recipe, it raises a
            ConfigError if they are wrong, and returns a JSON value that stands for them in
            manifests: equal if and only if they mean the same, wherever files of theirs lie.
    """
    if reads not in ("text", "media", "batch"):
        raise ValueError(f"reads must be 'text', 'media' or 'batch', got {reads!r}")

    def decorate(function: Callable[..., typing.Any]) -> Annotator:
        signals = dict(writes) if writes is not None else _signals_of(function)
        return Annotator(
            name=function.__module__.rpartition(".")[2],
            version=version,
            reads=reads,
            modalities=frozenset(modalities),
            signals=types.MappingProxyType(signals),
            function=function,
            module=function.__module__,
            doc=(function.__doc__ or "").strip(),
            checked_by=check,
        )

    return decorate


def _signals_of(function: Callable[..., typing.Any]) -> dict[str, pa.DataType]:
    returned = typing.get_type_hints(function).get("return")
    options = [a for a in typing.get_args(returned) or (returned,) if a is not type(None)]
    if len(options) != 1 or not hasattr(options[0], "_fields"):
        raise TypeError(
            f"{function.__module__}.{function.__qualname__} must be annotated to return a "
            f"NamedTuple of signals, or that or None; got {returned!r}"
        )
    signals = {}
    for name, hint in typing.get_type_hints(options[0]).items():
        plain = [a for a in typing.get_args(hint) or (hint,) if a is not type(None)]
        if len(plain) != 1 or plain[0] not in ARROW_TYPES:
            raise TypeError(f"signal {name!r} must be int, float, bool or str, got {hint!r}")
        signals[name] = ARROW_TYPES[plain[0]]
    return signals
