"""The three ways to write an annotator, and what a fault costs."""

import pickle
from typing import NamedTuple

import pyarrow as pa
import pytest

from castor.filters.annotator import Context, Media, annotator
from castor.filters.errors import CastorError, ConfigError
from castor.filters.record import MediaRef, Modality, Record, to_batch
from castor.filters.registry import load, load_version


class Words(NamedTuple):
    words: int
    share: float | None
    loud: bool
    first: str


@annotator(version=3)
def counted(text: str) -> Words | None:
    """Counts words."""
    if "fault" in text:
        raise ValueError("cannot count " + "x" * 600)
    words = text.split()
    return Words(len(words), None, text.isupper(), words[0]) if words else None


@annotator(version=1, reads="batch", writes={"n": pa.int32()})
def whole(batch, context):
    if "fault" in batch.column("text").to_pylist():
        raise RuntimeError("no")
    return {"n": pa.array([len(t) + context.options.get("add", 0)
                           for t in batch.column("text").to_pylist()])}  # fmt: skip


@annotator(version=1, reads="media", modalities=[Modality.IMAGE])
def seen(media: Media) -> Words | None:
    return Words(media.ref.length, 0.5, False, media.meta["k"])


def batch(*rows):
    return to_batch(Record(str(i), "s", m, t) for i, (m, t) in enumerate(rows))


TEXTS = batch(
    (Modality.TEXT, "one two"), (Modality.TEXT, "fault"), (Modality.IMAGE, "skipped"),
    (Modality.TEXT, None), (Modality.CODE, "LOUD"), (Modality.TEXT, ""),
)  # fmt: skip


def test_a_function_of_the_text():
    name = counted.name
    found = counted.annotate(TEXTS)
    assert found.schema.names == [f"{name}.{c}" for c in ("words", "share", "loud", "first",
                                                          "error")]  # fmt: skip
    assert found.column(f"{name}.words").to_pylist() == [2, None, None, None, 1, None]
    assert found.column(f"{name}.loud").to_pylist() == [False, None, None, None, True, None]
    assert found.column(f"{name}.share").null_count == 6
    errors = found.column(f"{name}.error").to_pylist()
    assert [e is None for e in errors] == [True, False, True, True, True, True]
    assert errors[1].startswith("ValueError: cannot count xx")
    assert len(errors[1]) == 500


def test_it_stays_callable_and_knows_itself():
    assert counted("a b").words == 2
    assert (counted.version, counted.doc) == (3, "Counts words.")


def test_a_function_of_the_batch_is_retried_row_by_row():
    found = whole.annotate(TEXTS.slice(0, 3), Context(options={"add": 1}))
    assert found.columns[0].to_pylist() == [8, None, None]
    assert found.columns[1].to_pylist() == [None, "RuntimeError: no", None]
    assert found.columns[0].type == pa.int32()
    assert whole.annotate(TEXTS.slice(0, 0)).num_rows == 0
    assert whole.annotate(TEXTS.slice(2, 1)).columns[0].to_pylist() == [None]


@pytest.mark.parametrize("fault", [ConfigError("no such list"), ImportError("no module")])
def test_what_no_row_is_to_blame_for_stops_the_run(fault):
    def fails(text: str) -> Words | None:
        raise fault

    def fails_whole(batch, context):
        raise fault

    for broken in (
        annotator(version=1)(fails),
        annotator(version=1, reads="batch", writes={"n": pa.int32()})(fails_whole),
    ):
        with pytest.raises(CastorError, match=str(fault)):
            broken.annotate(TEXTS)


def test_a_signal_that_is_not_returned_is_an_error_of_the_row():
    broken = annotator(version=1, reads="batch", writes={"n": pa.int32(), "m": pa.int32()})(
        whole.function
    )
    errors = broken.annotate(TEXTS.slice(0, 1)).columns[2].to_pylist()
    assert errors == ["KeyError: 'm'"]


def test_a_function_of_the_medium():
    ref = MediaRef("r:x", None, 0, 7, "image/png", b"a" * 16)
    rows = to_batch(
        [
            Record("a", "s", Modality.IMAGE, media=(ref, ref), meta={"k": "v"}),
            Record("b", "s", Modality.IMAGE),
            Record("c", "s", Modality.TEXT, media=(ref,)),
        ]
    )
    found = seen.annotate(rows)
    assert found.columns[0].to_pylist() == [7, None, None]
    assert found.columns[3].to_pylist() == ["v", None, None]
    assert found.columns[4].to_pylist() == [None] * 3


def test_wrong_declarations_are_refused_when_they_are_made():
    with pytest.raises(ValueError, match="reads must be"):
        annotator(version=1, reads="rows")
    with pytest.raises(TypeError, match="must be annotated to return a NamedTuple"):
        annotator(version=1)(lambda text: None)

    class Wrong(NamedTuple):
        x: list

    def wrong(text: str) -> Wrong:
        raise AssertionError

    wrong.__annotations__["return"] = Wrong
    with pytest.raises(TypeError, match="signal 'x' must be int, float, bool or str"):
        annotator(version=1)(wrong)


def test_it_pickles_as_name_and_version():
    text = load("annotator", "text")
    data = pickle.dumps(text)
    assert len(data) < 150
    assert pickle.loads(data) is text
    here = f"is version {text.version} here but the job was launched with"
    with pytest.raises(CastorError, match=here):
        load_version("annotator", text.module, text.version + 1)
