"""Rows against a slow, obvious oracle; what every packing keeps; damaged indexes."""

import collections
import pathlib
import tempfile

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from tokens import DIMS, id_space, make_tokens, write_tokens

from castor.filters.errors import CastorError, ConfigError
from castor.mixtures.best_fit import best_fit
from castor.mixtures.pack import PACKINGS, build_index, row_source
from castor.mixtures.tokens import Document, Span, open_tokens

SPACE = id_space(text_size=100_000)
SOFT = SPACE["soft"]

# A document: text tokens before, between and after its media, each with its placeholders.
MEDIA = st.lists(st.tuples(st.sampled_from(["image", "audio"]), st.integers(1, 9)), max_size=2)
SHAPES = st.lists(st.tuples(st.integers(0, 12), MEDIA), min_size=1, max_size=12)


def made(shapes):
    """Documents whose text ids and vectors are all different, so that each can be told."""
    number = iter(range(1000, 100_000))
    value = iter(range(1, 2048))  # float16 holds these exactly
    documents = []
    for i, (text, media) in enumerate(shapes):
        ids, spans, soft = [2], [], collections.defaultdict(list)
        for modality, length in media:
            ids += [next(number), SPACE["control"][f"<start_of_{modality}>"]]
            spans.append(Span(modality, len(ids), length))
            ids += [SOFT[modality]] * length + [SPACE["control"][f"<end_of_{modality}>"]]
            soft[modality] += [[next(value)] * DIMS[modality] for _ in range(length)]
        ids += [next(number) for _ in range(text)] + [1]
        vectors = {m: np.array(v, np.float16) for m, v in soft.items()}
        ids = np.array(ids, np.uint32)
        documents.append(Document(f"{i}", "web", "text", "en", ids, 1, tuple(spans), vectors))
    return documents


def packed(documents, packing, length, parts=1):
    """The row source of documents, all its rows as arrays, and the report."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        write_tokens(root / "t", documents, space=SPACE, parts=parts)
        source = open_tokens(root / "t").source("web")
        report = build_index(source, packing, length, root / "index")
        rows = row_source(source, packing, length, root / "index")
        assert rows.rows == report["rows"]
        return rows, rows.gather(np.arange(rows.rows)), report


def chunks(documents, length):
    """Concat-chunk, token by token: rows of (document, place in it)."""
    stream = [(d, i) for d, one in enumerate(documents) for i in range(len(one.ids))]
    return [stream[start : start + length] for start in range(0, len(stream) - 1, length)]


def fitted(documents, length):
    """Best-fit decreasing, one piece after the other: rows of (document, place in it)."""
    pieces = []
    for d, one in enumerate(documents):
        for start in range(0, len(one.ids), length):
            pieces.append([(d, i) for i in range(start, min(start + length, len(one.ids)))])
    rows = []  # (when it came to its room, tokens)
    for now, piece in enumerate(sorted(pieces, key=len, reverse=True)):
        fits = [r for r in rows if length - len(r[1]) >= len(piece)]
        best = min(fits, key=lambda r: (length - len(r[1]), r[0]), default=None)
        if best is None:
            rows.append([now, piece])
        else:
            best[0], best[1] = now, best[1] + piece
    return [tokens for _, tokens in rows]


def expected(documents, rows, length):
    """Every array of the rows, position by position."""
    names = ("inputs", "targets", "segment_ids", "positions", "loss_mask")
    out = {name: np.zeros((len(rows), length), int) for name in names}
    for modality in sorted({m for d in documents for m in d.soft}):
        out[f"soft_{modality}"] = np.zeros((len(rows), length, DIMS[modality]))
        out[f"soft_{modality}_index"] = np.full((len(rows), length), -1)
    for r, row in enumerate(rows):
        segment = begin = 0
        seen = collections.Counter()
        for t, (d, i) in enumerate(row):
            if t == 0 or row[t - 1][0] != d:
                segment, begin = segment + 1, t
            ids = documents[d].ids
            out["inputs"][r, t] = ids[i]
            out["segment_ids"][r, t] = segment
            out["positions"][r, t] = t - begin
            if i + 1 < len(ids):
                out["targets"][r, t] = ids[i + 1]
                out["loss_mask"][r, t] = ids[i + 1] not in SOFT.values()
            for modality, id_ in SOFT.items():
                if ids[i] == id_:
                    before = int(np.count_nonzero(ids[:i] == id_))
                    vector = documents[d].soft[modality][before]
                    out[f"soft_{modality}"][r, seen[modality]] = vector
                    out[f"soft_{modality}_index"][r, t] = seen[modality]
                    seen[modality] += 1
    return out


def assert_same(found, wanted):
    """Equal arrays, but for targets that do not count."""
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        mask = wanted["loss_mask"] > 0 if name == "targets" else slice(None)
        np.testing.assert_array_equal(found[name][mask], array[mask], name)


@hypothesis.settings(deadline=None, max_examples=40)
@hypothesis.given(SHAPES, st.integers(1, 40), st.integers(1, 4))
def test_rows_of_concat_chunk_are_the_oracles(shapes, length, parts):
    documents = made(shapes)
    rows, found, _ = packed(documents, "concat-chunk", length, parts)
    assert_same(found, expected(documents, chunks(documents, length), length))
    stream = np.concatenate([d.ids for d in documents])
    stream = np.append(stream, np.zeros(length, int))  # targets are the inputs, one on
    for r in range(rows.rows):
        window = stream[r * length : r * length + length + 1]
        np.testing.assert_array_equal(found["inputs"][r], window[:-1])
        np.testing.assert_array_equal(found["targets"][r], window[1:])


@hypothesis.settings(deadline=None, max_examples=40)
@hypothesis.given(SHAPES, st.integers(1, 40), st.integers(1, 4))
def test_rows_of_best_fit_are_the_oracles(shapes, length, parts):
    documents = made(shapes)
    _, found, _ = packed(documents, "best-fit", length, parts)
    assert_same(found, expected(documents, fitted(documents, length), length))


@pytest.mark.parametrize("packing", PACKINGS)
@hypothesis.settings(deadline=None, max_examples=25)
@hypothesis.given(shapes=SHAPES, length=st.integers(1, 40))
def test_every_token_is_a_target_once(packing, shapes, length):
    documents = made(shapes)
    _, found, _ = packed(documents, packing, length)
    counted = collections.Counter(found["targets"][found["loss_mask"] > 0].tolist())
    every = collections.Counter(np.concatenate([d.ids[1:] for d in documents]).tolist())
    for placeholder in SOFT.values():
        del every[placeholder]
    assert counted == every
    assert 0 not in counted


@pytest.mark.parametrize("packing", PACKINGS)
@hypothesis.settings(deadline=None, max_examples=25)
@hypothesis.given(shapes=SHAPES, length=st.integers(1, 40))
def test_no_document_is_lost_or_there_twice(packing, shapes, length):
    documents = made(shapes)
    _, found, _ = packed(documents, packing, length)
    here = collections.Counter(found["inputs"][found["segment_ids"] > 0].tolist())
    every = collections.Counter(np.concatenate([d.ids for d in documents]).tolist())
    if packing == "concat-chunk":  # the last token of all may be a target only
        assert every - here in (collections.Counter(), collections.Counter([1]))
        assert here - every == collections.Counter()
    else:
        assert here == every
    for modality in {m for d in documents for m in d.soft}:
        values = found[f"soft_{modality}"][..., 0]
        every = np.concatenate([d.soft[modality][:, 0] for d in documents if modality in d.soft])
        np.testing.assert_array_equal(np.sort(values[values > 0]), np.sort(every))


@pytest.mark.parametrize(("packing", "oracle"), list(zip(PACKINGS, (chunks, fitted))))
@hypothesis.settings(deadline=None, max_examples=25)
@hypothesis.given(shapes=SHAPES, length=st.integers(1, 40))
def test_the_report_counts_rows_padding_and_cut_documents(packing, oracle, shapes, length):
    documents = made(shapes)
    _, found, report = packed(documents, packing, length)
    rows = oracle(documents, length)
    rows_of = collections.defaultdict(set)
    for r, row in enumerate(rows):
        for d, _ in row:
            rows_of[d].add(r)
    cut = sum(len(r) > 1 for r in rows_of.values())
    assert (report["rows"], report["documents"]) == (len(rows), len(documents))
    assert report["tokens"] == sum(len(d.ids) for d in documents)
    assert report["cut"] == pytest.approx(cut / len(documents))
    assert report["padding"] == pytest.approx(np.mean(found["segment_ids"] == 0), abs=1e-12)
    assert report["cropped"] == 0


@hypothesis.settings(deadline=None, max_examples=200)
@hypothesis.given(st.lists(st.integers(1, 30), max_size=60))
def test_best_fit_is_best_fit_decreasing(lengths):
    row, at = best_fit(np.array(lengths, np.int64), 30)
    room, since, filled = [], [], []  # of every row, as a person would do it
    for now, i in enumerate(sorted(range(len(lengths)), key=lambda i: -lengths[i])):
        fits = [r for r in range(len(room)) if room[r] >= lengths[i]]
        best = min(fits, key=lambda r: (room[r], since[r]), default=len(room))
        if best == len(room):
            room.append(30)
            since.append(0)
            filled.append(0)
        assert (row[i], at[i]) == (best, filled[best])
        room[best] -= lengths[i]
        filled[best] += lengths[i]
        since[best] = now
    assert all(f <= 30 for f in filled)


def test_best_fit_wastes_no_more_than_the_theorem_allows():
    # Johnson 1973: at most 11/9 of the fewest rows, plus 4; the fewest are at least the sum.
    rng = np.random.default_rng(0)
    for mean in (40, 400, 900):
        lengths = np.minimum(rng.geometric(1 / mean, 20_000), 1024)
        row, _ = best_fit(lengths, 1024)
        fewest = -(-int(lengths.sum()) // 1024)
        assert fewest <= row.max() + 1 <= 11 / 9 * max(fewest, np.sum(lengths > 512)) + 4


def test_rows_may_be_asked_for_in_any_order_and_twice(tmp_path):
    tokens = open_tokens(make_tokens(tmp_path / "t", {"web": 900}, parts=3, media=("web",)))
    for packing in PACKINGS:
        build_index(tokens.source("web"), packing, 32, tmp_path / packing)
        rows = row_source(tokens.source("web"), packing, 32, tmp_path / packing)
        every = rows.gather(np.arange(rows.rows))
        asked = np.array([5, 0, rows.rows - 1, 5, 3])
        for name, array in rows.gather(asked).items():
            np.testing.assert_array_equal(array, every[name][asked])
        for wrong in (-1, rows.rows):
            with pytest.raises(IndexError, match=f"of {rows.rows}"):
                rows.gather(np.array([0, wrong]))


def test_types_and_shapes(tmp_path):
    tokens = open_tokens(make_tokens(tmp_path / "t", {"web": 300}, media=("web",)))
    build_index(tokens.source("web"), "concat-chunk", 16, tmp_path / "i")
    found = row_source(tokens.source("web"), "concat-chunk", 16, tmp_path / "i").gather(range(3))
    for name in ("inputs", "targets", "segment_ids", "positions", "soft_image_index"):
        assert (found[name].dtype, found[name].shape) == (np.int32, (3, 16))
    assert (found["loss_mask"].dtype, found["loss_mask"].shape) == (np.float32, (3, 16))
    assert (found["soft_image"].dtype, found["soft_image"].shape) == (np.float16, (3, 16, 8))
    assert all(a.flags.c_contiguous for a in found.values())


def test_the_index_depends_on_nothing_else(tmp_path):
    tokens = open_tokens(make_tokens(tmp_path / "t", {"web": 3000}, parts=2))
    one, two = (build_index(tokens.source("web"), "best-fit", 64, tmp_path / name) for name in "ab")
    assert one == two
    assert {p.name: p.stat().st_size for p in (tmp_path / "a").iterdir()} == {
        name: file["bytes"] for name, file in one["files"].items()
    }


def test_a_source_without_documents_has_no_rows(tmp_path):
    folder = write_tokens(tmp_path / "t", made([(5, [])]), space=SPACE)
    empty = open_tokens(folder).source("web", "heldout")
    for packing in PACKINGS:
        assert build_index(empty, packing, 16, tmp_path / packing)["rows"] == 0


def test_an_unknown_packing_is_told(tmp_path):
    source = open_tokens(make_tokens(tmp_path / "t", {"web": 40})).source("web")
    for function in (build_index, row_source):
        with pytest.raises(ConfigError, match=r"no packing named 'bestfit'.*\n.*'best-fit'"):
            function(source, "bestfit", 16, tmp_path)


@pytest.mark.parametrize("packing", PACKINGS)
def test_a_damaged_index_is_told_by_name(tmp_path, packing):
    tokens = open_tokens(make_tokens(tmp_path / "t", {"web": 400, "books": 300}))
    web = tokens.source("web")
    report = build_index(web, packing, 32, tmp_path / "i")
    for name in report["files"]:
        path = tmp_path / "i" / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-8])
        with pytest.raises(CastorError, match=rf"index of a packing.*{name}.*\n.*--force"):
            row_source(web, packing, 32, tmp_path / "i")
        path.write_bytes(b"")
        with pytest.raises(CastorError, match=f"index of a packing.*{name}"):
            row_source(web, packing, 32, tmp_path / "i")
        path.unlink()
        with pytest.raises(CastorError, match=f"index of a packing.*{name}"):
            row_source(web, packing, 32, tmp_path / "i")
        path.write_bytes(whole)
    with pytest.raises(CastorError, match="the source has"):
        row_source(tokens.source("books"), packing, 32, tmp_path / "i")
