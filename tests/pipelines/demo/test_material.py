"""The gathered material: whole, readable by others, the same every time, and bounded."""

import collections
import gzip
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ET
import zipfile

import pytest

from castor.filters.errors import CastorError
from castor.pipelines.demo import expectations, machine, material
from castor.pipelines.demo.material import gather

pytestmark = pytest.mark.slow

BUDGET_MB = 1.5
KINDS = ("web", "books", "code", "images", "audio", "video", "interleaved", "rows", "benchmarks")


def files(folder: pathlib.Path, pattern: str) -> list[pathlib.Path]:
    found = sorted(folder.glob(pattern))
    assert found, f"nothing like {pattern}"
    return found


def read_warc(path):
    fastwarc = pytest.importorskip("fastwarc.warc")
    with path.open("rb") as file:
        for record in fastwarc.ArchiveIterator(file, parse_http=True):
            yield record.headers, record.http_headers, record.reader.read()


def test_every_kind_is_there_and_counted(raw):
    assert {e.kind for e in raw.entries} == set(KINDS)
    assert all(e.count > 0 and e.bytes > 0 and e.origin in ("found", "made") for e in raw.entries)
    assert len(raw.lines()) == len(KINDS) + len(raw.notes)
    on_disk = [p for p in raw.folder.rglob("*") if p.is_file()]
    total = sum(p.stat().st_size for p in on_disk) - (raw.folder / "material.json").stat().st_size
    assert raw.bytes == total < 5e6


def test_the_same_machine_gives_the_same_bytes(raw, tmp_path):
    again = gather(tmp_path / "other place", budget_mb=BUDGET_MB)
    names = [
        sorted(p.relative_to(m.folder) for p in m.folder.rglob("*") if p.is_file())
        for m in (raw, again)
    ]
    assert names[0] == names[1]
    for name in names[0]:
        assert (raw.folder / name).read_bytes() == (again.folder / name).read_bytes(), name


def test_encoders_take_nothing_from_memory_that_they_did_not_write():
    code = (
        "import hashlib; from castor.pipelines.demo import clips, ledger\n"
        "class Digest(ledger.Ledger):\n"
        "    def write(self, path, data): print(path, hashlib.sha256(data).hexdigest())\n"
        "clips.write(Digest(None), 1)\n"
    )
    seen = set()
    for fill in ("77", "165"):  # glibc fills what it hands out with that byte
        env = {**os.environ, "PYTHONMALLOC": "malloc", "MALLOC_PERTURB_": fill}
        done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
        assert "made-clip-00.mp4" in done.stdout, done.stderr
        seen.add(done.stdout)
    assert len(seen) == 1


def test_whole_material_is_left_alone(raw):
    before = (raw.folder / "planted.json").stat().st_mtime_ns
    again = gather(raw.folder, budget_mb=BUDGET_MB)
    assert raw.fresh
    assert not again.fresh
    assert again.entries == raw.entries
    assert (raw.folder / "planted.json").stat().st_mtime_ns == before


def test_another_folder_of_the_user_is_not_touched(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years of work")
    with pytest.raises(CastorError, match="not the demonstration's"):
        gather(tmp_path, budget_mb=BUDGET_MB)
    assert (tmp_path / "thesis.txt").read_text() == "three years of work"


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CastorError, match="cannot write the raw input") as caught:
        gather(tmp_path / "file" / "raw", budget_mb=BUDGET_MB)
    assert str(tmp_path / "file") in str(caught.value)


def test_web_is_read_by_fastwarc(raw):
    kinds, urls = collections.Counter(), collections.defaultdict(list)
    for path in files(raw.folder / "web", "*.warc*.gz"):
        if "cut" in path.name:
            continue
        for headers, http, body in read_warc(path):
            kinds[headers["WARC-Type"]] += 1
            if headers["WARC-Type"] == "response":
                urls[path.name].append(headers["WARC-Target-URI"])
                assert int(http.get("Content-Length", len(body))) > 0 or http.status_code == 301
    assert set(kinds) == {"warcinfo", "request", "response", "metadata", "revisit", "conversion"}
    assert kinds["request"] == kinds["response"]
    planted = [p.place for p in expectations.expected(raw.folder)["web"] if p.place]
    known = {u for found in urls.values() for u in found}
    missing = [u for u in planted if u not in known and "again" not in u]
    elsewhere = ("https://wet.", "http://old.", "https://cut.")
    assert all(u.startswith(elsewhere) for u in missing)
    assert len(known) == sum(map(len, urls.values()))


def test_bodies_survive_their_wrapping(raw):
    found = {
        h["WARC-Target-URI"]: (http, body)
        for h, http, body in read_warc(raw.folder / "web" / "made.warc.gz")
        if h["WARC-Type"] == "response"
    }
    _, body = found["https://inns.example/cp1252"]
    assert "Zürich naïve café" in body.decode("cp1252")
    _, body = found["https://inns.example/gzip"]
    assert "Zürich naïve café" in gzip.decompress(body).decode()
    _, body = found["https://inns.example/chunks"]
    size, _, rest = body.partition(b"\r\n")
    assert rest[int(size, 16) :].startswith(b"\r\n")


def test_arc_states_true_lengths(raw):
    data = gzip.decompress((raw.folder / "web" / "made.arc.gz").read_bytes())
    n = 0
    while data:
        line, _, rest = data.partition(b"\n")
        length = int(line.split()[-1])
        assert len(line.split()) == 5
        assert rest[length : length + 1] == b"\n"
        data, n = rest[length + 1 :], n + 1
    assert n == 9


def test_epubs_are_whole_and_follow_the_rules(raw):
    names = [p for p in files(raw.folder / "books", "*.epub") if p.stem != "made-cut"]
    for path in names:
        with zipfile.ZipFile(path) as book:
            first = book.infolist()[0]
            assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
            if path.stem == "made-locked":
                with pytest.raises(RuntimeError, match="encrypted"):
                    book.read(first)
                continue
            assert book.testzip() is None
            for name in book.namelist():
                if name.endswith((".xhtml", ".opf", ".ncx", ".xml")):
                    ET.fromstring(book.read(name))
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(raw.folder / "books" / "made-cut.epub")


def test_other_books_are_what_they_say(raw):
    books = raw.folder / "books"
    assert ET.parse(books / "made-novel.tei.xml").getroot().tag.endswith("}TEI")
    assert "底本：" in (books / "made-beaver.aozora.txt").read_bytes().decode("shift_jis")
    pdf = (books / "made-scan.pdf").read_bytes()
    start = int(pdf.rsplit(b"startxref", 1)[1].split()[0])
    assert pdf[start:].startswith(b"xref")


def test_code_archives_open(raw):
    for path in files(raw.folder / "code", "*.tar.gz"):
        with tarfile.open(path) as archive:
            assert all(m.isfile() and m.mtime == 1_700_000_000 for m in archive)
    with tarfile.open(raw.folder / "code" / "made-project.tar.gz") as project:
        good = project.extractfile("made-project-1.0/src/lodge.py").read()
        names = set(project.getnames())
    compile(good, "lodge.py", "exec")
    planted = {p.place for p in expectations.expected(raw.folder)["code"] if "project" in p.file}
    assert planted == names


def test_pictures_open_unless_they_are_meant_not_to(raw):
    image = pytest.importorskip("PIL.Image")
    meant = {p.file: p for p in expectations.expected(raw.folder)["images"]}
    for path in files(raw.folder / "images", "made-*"):
        if meant[path.name].outcome in (("kept",), ("duplicate",)):
            with image.open(path) as picture:
                picture.load()
                assert min(picture.size) >= 240
    with pytest.raises(image.DecompressionBombError):
        image.open(raw.folder / "images" / "made-bomb.png")
    captions = [json.loads(x) for x in (raw.folder / "images/captions.jsonl").open()]
    assert captions
    assert all((raw.folder / "images" / c["file"]).is_file() and c["text"] for c in captions)


def test_sounds_decode_unless_they_are_meant_not_to(raw):
    soundfile = pytest.importorskip("soundfile")
    meant = {p.file: p for p in expectations.expected(raw.folder)["audio"]}
    for path in files(raw.folder / "audio", "made-*"):
        if path.name not in meant:
            assert path.suffix in (".srt", ".vtt")
        elif meant[path.name].outcome in (("kept",), ("duplicate",)):
            samples, rate = soundfile.read(path)
            assert len(samples) / rate > 2.9
            assert 0.05 < abs(samples).max() <= 1.0
    with pytest.raises(soundfile.LibsndfileError):
        soundfile.read(raw.folder / "audio" / "made-garbage.ogg")


def test_clips_decode_to_all_their_frames(raw):
    av = pytest.importorskip("av")
    for path in files(raw.folder / "video", "made-clip-0*"):
        if path.suffix == ".vtt":
            assert path.read_text().startswith("WEBVTT\n\n00:00:00.000 --> ")
            continue
        with av.open(str(path)) as clip:
            seconds = 2 + int(path.stem[-2:]) % 3
            assert sum(1 for _ in clip.decode(video=0)) == 12 * seconds, path.name
            assert len(clip.streams.audio) == (0 if path.stem.endswith("03") else 1)


def test_documents_find_their_pictures(raw):
    with tarfile.open(raw.folder / "interleaved" / "made-documents.tar") as archive:
        names = set(archive.getnames())
        lesson = archive.extractfile("made-lesson-01/index.md").read().decode()
    assert "](fig/first.jpg)" in lesson
    assert "made-lesson-01/fig/first.jpg" in names
    assert "made-lesson-01/fig/absent.png" not in names


def test_rows_are_read_by_pyarrow(raw):
    pq = pytest.importorskip("pyarrow.parquet")
    table = pq.read_table(raw.folder / "rows" / "docstrings.parquet")
    assert table.column_names == ["id", "text", "lang", "source"]
    with gzip.open(raw.folder / "rows" / "docstrings.jsonl.gz", "rt", encoding="utf-8") as lines:
        ids = [json.loads(line)["id"] for line in lines]
    ids += table["id"].to_pylist()
    assert len(ids) == len(set(ids)) > 4


def test_tfrecord_has_the_checksums_of_its_format():
    import struct

    crc32c = pytest.importorskip("google_crc32c")
    from castor.pipelines.demo.tfrecord import tfrecord

    def masked(data: bytes) -> int:
        crc = crc32c.value(data)
        return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF

    file = io.BytesIO(tfrecord([{"id": "a", "text": "ü" * 300}, {"text": "b"}]))
    seen = []
    while head := file.read(8):
        (length,) = struct.unpack("<Q", head)
        (head_crc,) = struct.unpack("<I", file.read(4))
        data = file.read(length)
        (data_crc,) = struct.unpack("<I", file.read(4))
        assert (head_crc, data_crc) == (masked(head), masked(data))
        seen.append(data)
    # features{ feature{ key: "text" value{ bytes_list{ value: "b" } } } }
    assert seen[1] == bytes.fromhex("0a0f 0a0d 0a0474657874 1205 0a03 0a0162")
    assert len(seen) == 2


def test_questions_share_no_thirteen_words(raw):
    shingles = collections.Counter()
    n = 0
    for path in files(raw.folder / "benchmarks", "*.jsonl"):
        for line in path.open():
            row = json.loads(line)
            words = re.findall(r"\w+", (row.get("question") or row["query"]).lower())
            shingles.update({tuple(words[i : i + 13]) for i in range(len(words) - 12)})
            n += 1
    assert n == 210
    assert shingles.most_common(1)[0][1] == 1


def test_leaked_questions_are_of_the_benchmark(raw):
    plants = [p for found in expectations.expected(raw.folder).values() for p in found if p.item]
    assert {p.source for p in plants} == {"web", "books", "code", "interleaved", "rows"}
    for plant in plants:
        name, _, number = plant.item.rpartition("/")
        lines = (raw.folder / "benchmarks" / f"{name}.jsonl").read_text().splitlines()
        assert 0 <= int(number) < len(lines)
        assert plant.outcome == ("contaminated",)


def test_an_empty_machine_makes_everything_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "standard_library", lambda: tmp_path / "no library")
    monkeypatch.setattr(machine, "packages_folder", lambda: tmp_path / "no packages")
    machine.topics.cache_clear()
    machine.distributions.cache_clear()
    try:
        bare = gather(tmp_path / "raw", budget_mb=BUDGET_MB)
    finally:
        machine.topics.cache_clear()
        machine.distributions.cache_clear()
    assert {e.origin for e in bare.entries} == {"made"}
    assert {e.kind for e in bare.entries} == set(KINDS)
    said = " ".join(bare.notes)
    for kind in ("web", "books", "code", "images", "audio", "video", "interleaved", "rows"):
        assert f"{kind}: " in said
    assert len(files(bare.folder, "benchmarks/*.jsonl")) == 3


def test_no_material_is_an_error_that_says_how_to_get_it(tmp_path):
    with pytest.raises(CastorError, match=r"no planted\.json"):
        expectations.expected(tmp_path)


def test_another_version_gathers_again(raw, tmp_path, monkeypatch):
    folder = tmp_path / "raw"
    marker = {"fingerprint": "of an older version", "entries": [], "notes": [], "bytes": 0}
    folder.mkdir()
    (folder / "material.json").write_text(json.dumps(marker))
    (folder / "stale.txt").write_text("from an older version")
    monkeypatch.setattr(material, "_write", lambda ledger, budget, report: dict(marker))
    assert gather(folder, budget_mb=BUDGET_MB).fresh
    assert not (folder / "stale.txt").exists()
