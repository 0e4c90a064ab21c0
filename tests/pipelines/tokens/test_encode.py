"""Documents as tokens: sentencepiece's ids, each document once, the same bytes however it ran."""

import hashlib
import json
import os
import shutil

import datasets
import numpy as np
import pytest
from runs import contents
from tokenizers import make_tokenizer

from castor.filters import outputs
from castor.filters.errors import CastorError, ConfigError
from castor.filters.record import Record
from castor.mixtures.tokens import open_tokens
from castor.pipelines import api
from castor.pipelines.tokens import encode_shard, workspace
from castor.tokenizer.processor import load

from .conftest import VOCAB

pytestmark = pytest.mark.slow

HELDOUT = 0.1


def encode(dataset, out, tokenizer, **options):
    options = {"heldout": HELDOUT, "workers": 1, **options}
    return api.tokenizer_encode(dataset, out, tokenizer=tokenizer, **options)


def documents(folder):
    """(source, split) and document of every document of a token dataset, by key."""
    tokens = open_tokens(folder)
    found = {}
    for name in tokens.names:
        for split in ("train", "heldout"):
            for document in tokens.source(name, split).read():
                assert document.key not in found
                found[document.key] = (name, split), document
    return found


def test_every_document_has_the_ids_of_sentencepiece_between_bos_and_eos(
    tokens, tokenizer, records
):
    import sentencepiece

    theirs = sentencepiece.SentencePieceProcessor(str(tokenizer / "tokenizer.model"))
    found = documents(tokens)
    assert set(found) == {r.key for r in records}
    for record in records:
        (source, _), document = found[record.key]
        assert document.ids.tolist() == [2, *theirs.encode(record.text), 1]
        assert (source, document.source) == (record.source, record.source)
        assert document.modality == record.modality
        assert document.language == record.meta.get("language", "und")
        assert document.text_bytes == len(record.text.encode())
    loaded = load(tokens / "tokenizer")
    assert loaded.decode(found["web:f@0"][1].ids) == records[0].text


def test_a_share_is_held_out_by_key(tokens, tokenizer, records, tmp_path):
    splits = {key: split for key, ((_, split), _) in documents(tokens).items()}
    assert 0.05 < sum(s == "heldout" for s in splits.values()) / len(splits) < 0.2
    for key, split in splits.items():  # docs/tokens.md
        digest = hashlib.blake2b(key.encode(), key=b"heldout", digest_size=8).digest()
        below = int.from_bytes(digest, "little") < HELDOUT * 2**64
        assert split == ("heldout" if below else "train")
    # A larger share holds out more, and the same ones; however the documents lie.
    data = datasets.write_dataset(tmp_path / "data", records[::-1], shards=2)
    encode(data, tmp_path / "more", tokenizer, heldout=0.3)
    more = {key: split for key, ((_, split), _) in documents(tmp_path / "more").items()}
    held = {k for k, s in splits.items() if s == "heldout"}
    assert held < {k for k, s in more.items() if s == "heldout"}


def test_the_manifest_adds_up_and_names_no_place(tokens, tokenizer, records):
    manifest = outputs.read(tokens, "tokens")
    assert manifest["heldout_share"] == HELDOUT
    assert (
        manifest["tokenizer"]["sha256"] == outputs.read(tokenizer, "tokenizer")["model"]["sha256"]
    )
    counted = [split for source in manifest["sources"].values() for split in source.values()]
    assert sum(s["documents"] for s in counted) == len(records)
    assert sum(s["text_bytes"] for s in counted) == sum(len(r.text.encode()) for r in records)
    assert manifest["left_out"] == {"documents": {}, "media": {}}
    text = (tokens / "manifest.json").read_text()
    assert str(tokens.parent) not in text
    assert str(tokenizer.parent) not in text
    assert os.uname().nodename not in text
    assert sorted(p.name for p in (tokens / ".work").iterdir()) == ["lock"]


def test_two_processes_give_the_same_folder(castor, dataset, tokenizer, tokens, tmp_path):
    out = tmp_path / "out"
    command = ["tokenizer", "encode", dataset, out, "--tokenizer", tokenizer]
    done = castor(*command, "--heldout", HELDOUT, "--workers", 2)
    assert contents(out) == contents(tokens)
    assert "tokens/s" in done.stdout
    encode(dataset, tmp_path / "threads", tokenizer, workers=4, mode="threads")
    assert contents(tmp_path / "threads") == contents(tokens)
    before = {p: p.stat().st_mtime_ns for p in out.rglob("part-*")}
    assert encode(dataset, out, tokenizer).skipped
    assert before == {p: p.stat().st_mtime_ns for p in out.rglob("part-*")}


def test_an_encoding_that_failed_does_only_what_is_missing(
    dataset, tokenizer, tokens, tmp_path, monkeypatch
):
    out, done = tmp_path / "out", []
    whole = encode_shard.encode_shard

    def fails(item, common, tell):
        if len(done) == 2:
            raise MemoryError
        done.append(item["number"])
        return whole(item, common, tell)

    monkeypatch.setattr(encode_shard, "encode_shard", fails)
    with pytest.raises(CastorError, match="MemoryError"):
        encode(dataset, out, tokenizer)
    with pytest.raises(CastorError, match="no finished tokens here"):
        open_tokens(out)
    gone = next(out.rglob("part-*.ids"))
    gone.unlink()  # one of what was done is lost
    monkeypatch.setattr(encode_shard, "encode_shard", whole)
    assert encode(dataset, out, tokenizer).reused == 1
    assert contents(out) == contents(tokens)
    assert not list(out.rglob(".tmp-*"))


def test_another_configuration_needs_force_and_leaves_nothing_behind(
    dataset, tokenizer, tokens, tmp_path
):
    out = tmp_path / "out"
    shutil.copytree(tokens, out)
    with pytest.raises(ConfigError, match="another heldout"):
        encode(dataset, out, tokenizer, heldout=0.0)
    encode(dataset, out, tokenizer, heldout=0.0, force=True)
    assert not list(out.glob("*/heldout"))
    assert {s for (_, s), _ in documents(out).values()} == {"train"}
    encode(dataset, out, tokenizer, force=True)
    assert contents(out) == contents(tokens)


def test_a_finished_folder_that_lost_a_file_is_made_whole(dataset, tokenizer, tokens, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(tokens, out)
    next(out.rglob("part-*.parquet")).unlink()
    assert not encode(dataset, out, tokenizer).skipped
    assert contents(out) == contents(tokens)


@pytest.fixture(scope="module")
def illustrated(tmp_path_factory):
    """Pictures with and without words, one that is gone; its folder and the record by name."""
    from PIL import Image

    from castor.filters.record import MediaRef, Part

    root = tmp_path_factory.mktemp("pictures")
    refs = {}
    for i, name in enumerate(("red", "blue", "gone")):
        path = root / f"{name}.png"
        Image.new("RGB", (40, 24), (200 - 90 * i, 10, 90 * i)).save(path)
        digest = hashlib.blake2b(path.read_bytes(), digest_size=16).digest()
        refs[name] = MediaRef(
            f"images:{name}.png", None, 0, path.stat().st_size, "image/png", digest
        )
    (root / "gone.png").unlink()
    text = "before the red one, after it"
    parts = (Part("text", 0, 20), Part("image", media_index=0), Part("text", 20, len(text)),
             Part("image", media_index=1))  # fmt: skip
    rows = [
        Record("images:red", "images", "image", "a red one", (refs["red"],)),
        Record("images:blue", "images", "image", None, (refs["blue"],)),
        Record("images:gone", "images", "image", None, (refs["gone"],)),
        Record("images:lost", "images", "image", "it was here", (refs["gone"],)),
        Record("pages:both", "pages", "interleaved", text, (refs["red"], refs["gone"]), parts),
    ]
    return root, {r.key: r for r in rows}


def test_media_become_spans_of_soft_inputs(illustrated, tokenizer, tmp_path):
    from castor.filters.media.soft import soft_of

    root, rows = illustrated
    data = datasets.write_dataset(tmp_path / "data", list(rows.values()), roots={"images": root})
    done = encode(data, tmp_path / "out", tokenizer, heldout=0)
    assert done.manifest["left_out"] == {
        "documents": {"empty": 1}, "media": {"image": {"unreadable": 3}}
    }  # fmt: skip
    assert "gone.png" in done.fault
    assert done.manifest["soft_dims"] == {"image": 768}
    found = {key: document for key, (_, document) in documents(tmp_path / "out").items()}
    assert set(found) == set(rows) - {"images:gone"}
    space = load(tokenizer).id_space
    red = soft_of(rows["images:red"].media[0], "image", {"images": str(root)}).rows
    for key in ("images:red", "pages:both"):
        (span,) = found[key].spans
        assert span.media == rows[key].media[0]
        assert np.array_equal(found[key].soft["image"], red)
        ids = found[key].ids
        assert ids[span.start - 1] == space.begin("image")
        assert set(ids[span.start : span.start + span.length]) == {space.soft["image"]}
        assert ids[span.start + span.length] == space.end("image")
    assert found["images:lost"].spans == ()
    assert found["images:blue"].text_bytes == 0


def test_media_may_be_left_out(illustrated, tokenizer, tmp_path):
    root, rows = illustrated
    data = datasets.write_dataset(tmp_path / "data", list(rows.values()), roots={"images": root})
    done = encode(data, tmp_path / "out", tokenizer, media=False)
    assert done.manifest["left_out"] == {"documents": {"empty": 2}, "media": {}}
    found = documents(tmp_path / "out")
    assert set(found) == {"images:red", "images:lost", "pages:both"}
    assert all(document.spans == () for _, document in found.values())


def test_media_are_found_where_the_runs_before_found_them(illustrated, tokenizer, tmp_path):
    root, rows = illustrated
    red = [rows["images:red"]]
    first = datasets.write_dataset(tmp_path / "first", red, roots={"images": root})
    second = datasets.write_dataset(
        tmp_path / "second", red, roots={"rows": first / "kept"}
    )  # as castor dedup leaves it
    done = encode(second, tmp_path / "out", tokenizer, heldout=0)
    assert done.manifest["left_out"]["media"] == {}
    # Moved since: a root may be named, and then the output is another one.
    moved = root.rename(root.with_name("moved"))
    with pytest.raises(ConfigError, match="another roots"):
        encode(second, tmp_path / "out", tokenizer, heldout=0)
    again = encode(second, tmp_path / "again", tokenizer, heldout=0, roots={"images": moved})
    assert again.manifest["shards"] == done.manifest["shards"]
    moved.rename(root)


def test_rows_of_somebody_elses(records, tokenizer, tmp_path):
    path = datasets.write_jsonl(tmp_path / "rows.jsonl", records[:20])
    with path.open("a") as file:
        file.write('{"text": "no source of its own"}\n{"text": "", "id": 4}\nno JSON\n')
        file.write('{"text": "a source that is no name", "source": "../up"}\n')
    done = encode(path, tmp_path / "out", tokenizer)
    assert set(done.manifest["sources"]) == {"web", "books", "rows"}
    assert done.manifest["left_out"]["documents"] == {"no_text": 1, "corrupt": 1}
    assert not (tmp_path / "up").exists()
    found = documents(tmp_path / "out")
    assert len(found) == 22
    assert f"rows:rows.jsonl@{records[0].key}" in found


@pytest.mark.parametrize(
    ("make", "options", "words"),
    [
        pytest.param(lambda p: datasets.write_dataset(p / "d", [], shards=0), {},
                     ["the dataset is empty"], id="empty"),
        pytest.param(lambda p: datasets.write_dataset(p / "d", [Record("a:1", "a", "image")]), {},
                     ["no document of the dataset has text", "1 empty"], id="no text"),
        pytest.param(lambda p: p / "no", {}, ["the dataset does not exist"], id="nowhere"),
        pytest.param(lambda p: p, {"heldout": 1.0}, ["--heldout is a share"], id="share"),
        pytest.param(lambda p: p, {"tokenizer": "no"}, ["no tokenizer here"], id="tokenizer"),
        pytest.param(lambda p: p, {"soft": {"audio_rows": 0}}, ["audio_rows"], id="soft"),
        pytest.param(lambda p: p, {"roots": {"images": "/nowhere"}},
                     ["the root of media is no folder", "--root images"], id="root"),
    ],
)  # fmt: skip
def test_bad_input_is_a_clear_error(dataset, tokenizer, tmp_path, make, options, words):
    given = make(tmp_path)
    options = {"tokenizer": tokenizer, **options}
    with pytest.raises(CastorError) as caught:
        encode(dataset if given == tmp_path else given, tmp_path / "out", **options)
    for word in words:
        assert word in str(caught.value)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_a_tokenizer_that_was_changed_is_refused(dataset, tokenizer, tmp_path):
    copy = tmp_path / "tokenizer"
    shutil.copytree(tokenizer, copy)
    data = bytearray((copy / "tokenizer.model").read_bytes())
    data[len(data) // 2] ^= 1
    (copy / "tokenizer.model").write_bytes(data)
    with pytest.raises(CastorError, match="the model of the tokenizer was changed"):
        encode(dataset, tmp_path / "out", copy)


def test_a_tokenizer_that_is_replaced_meanwhile_is_refused(
    dataset, tokenizer, tmp_path, monkeypatch
):
    other = make_tokenizer(tmp_path / "other", vocab_size=760)
    copy = tmp_path / "tokenizer"
    shutil.copytree(tokenizer, copy)
    prepare = workspace.prepare

    def replaces(out, corpus):
        prepare(out, corpus)
        shutil.copytree(other, copy, dirs_exist_ok=True)

    monkeypatch.setattr(workspace, "prepare", replaces)
    with pytest.raises(CastorError, match="the tokenizer was replaced meanwhile"):
        encode(dataset, tmp_path / "out", copy)
    assert not (tmp_path / "out" / "manifest.json").exists()


def test_the_same_model_with_another_space_of_ids_is_another_tokenizer(
    illustrated, dataset, tokenizer, tmp_path
):
    root, rows = illustrated
    data = datasets.write_dataset(tmp_path / "data", [rows["images:red"]], roots={"images": root})
    copy = shutil.copytree(tokenizer, tmp_path / "tokenizer")
    encode(data, tmp_path / "out", copy, heldout=0)
    before = documents(tmp_path / "out")["images:red"][1].ids
    api.tokenizer_train(dataset, copy, vocab_size=VOCAB, image_codes=5, force=True, workers=1)
    assert load(copy).sha256 == load(tokenizer).sha256
    with pytest.raises(ConfigError, match="another id_space"):
        encode(data, tmp_path / "out", copy, heldout=0)
    encode(data, tmp_path / "out", copy, heldout=0, force=True)
    after = documents(tmp_path / "out")["images:red"][1].ids
    assert set(after[before != after]) == {load(copy).id_space.soft["image"]}
    assert set(before[before != after]) == {load(tokenizer).id_space.soft["image"]}


def test_the_summary_is_json(castor, dataset, tokenizer, tokens):
    command = ["tokenizer", "encode", dataset, tokens, "--tokenizer", tokenizer]
    done = castor(*command, "--heldout", HELDOUT, "--json")
    found = json.loads(done.stdout)
    assert found["skipped"] is True
    assert set(found["sources"]) == {"web", "books"}
    wrong = castor(*command, "--no-media", "--audio-rows", 5, check=False)
    assert (wrong.returncode, "--no-media leaves out" in wrong.stderr) == (2, True)
