"""Code: kinds of files, languages by content, licences, import graphs, and speed.

On the kit's repositories (CASTOR_DATA or ../shared/data). What its `repos.jsonl` says of each
repository in words (minified bundles, generated files, lock files, golden dumps, vendored
libraries) is spelt out here as patterns of paths; every other source file counts as written by
hand, so a flag on it is a false alarm.
"""

import collections
import fnmatch
import json
import pathlib
import tarfile
import time
from collections.abc import Callable
from typing import Any

from corpus import data_kit
from peers import NoPeersError, ask

from castor.filters.code.imports import SourceFile, graph
from castor.filters.code.order import dependency_order
from castor.filters.record import Record, to_batch
from castor.filters.registry import load
from castor.pipelines.source import InputFile
from castor.pipelines.source import load as load_source
from castor.pipelines.sources._code_language import language_of

FLAGS = ("generated", "minified", "data", "vendored")
# archive -> flag -> patterns of the paths that have it
LOCKS = ["*.lock", "*-lock.json", "*.freeze", "*.resolved", "*.pbxproj", "*/go.sum"]
EXPECTED: dict[str, dict[str, list[str]]] = {
    "click": {"generated": ["*/uv.lock"], "data": ["*/click-name.svg"]},
    "underscore": {
        "generated": ["*.map", "*/package-lock.json", "*/docs/*.html", "/underscore/underscore.js",
                      "*/underscore-umd.js", "*/underscore-esm.js", "*/underscore-node-f.cjs",
                      "*/underscore-node.cjs", "*/underscore-node.mjs"],
        "minified": ["*-min.js"],
        "vendored": ["*/test/vendor/*"],
    },
    "libvips": {"generated": ["*/cplusplus/vips-operators.cpp"], "data": ["*/po/*.po"]},
    "fq": {"generated": ["*_gen.go", "*/go.sum"],
           "data": ["*.fqtest", "*/testdata/*", "*/types.json"]},
    "rust-gems": {"data": ["*/data/CaseFolding.txt"]},
    "leopard": {
        "generated": ["*.lock", "*/gradlew", "*/gradlew.bat", "*.pbxproj", "*.xcscheme",
                      "*/gradle-wrapper.properties", "*/package-lock.json", "*/Podfile.lock",
                      "*.xcworkspacedata", "*.storyboard", "*.resolved"],
        "data": ["*/ic_launcher_foreground.xml"],
    },
    "git": {},
    # stack.yaml says in its first lines that `stack init` wrote it
    "shellcheck": {"generated": ["*.freeze", "*/shellcheck_logo.svg", "*/stack.yaml"]},
    "pywb-static": {
        "generated": ["*/vue/vueui.js", "*/yarn.lock"],
        "minified": ["*.min.js", "*.min.css", "*/wombat*.js"],
        "vendored": ["*/js/jquery*", "*/js/bootstrap*", "*/css/*bootstrap*", "*/css/font-awesome*",
                     "*.min.js", "*.min.css"],
    },
    "aeneas": {"vendored": ["*/thirdparty/*"], "data": ["*/licenses/eSpeak.txt"]},
    "udhr-website": {"vendored": ["*/external/*"], "minified": ["*.min.js", "*/leaflet.js"]},
    "speechbrain-notebooks": {},
}  # fmt: skip
for _patterns in EXPECTED.values():  # what is packed was made by a packer
    _patterns["generated"] = _patterns.get("generated", []) + _patterns.get("minified", [])


def records(archive: pathlib.Path) -> list[Record]:
    """The source files of one archive."""
    file = InputFile("code", str(archive.parent), archive.name)
    return [item for item in load_source("code")(file) if isinstance(item, Record)]


def cpu(call: Callable[[], Any]) -> float:
    """CPU seconds of one call, the least of three."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return best


def kinds_of_files(found: dict[str, list[Record]]) -> dict[str, float]:
    """Share of the expected files that are flagged, and of the flagged ones that are expected."""
    annotate = load("annotator", "code").annotate
    hits = dict.fromkeys(FLAGS, 0)
    missed: dict[str, list[str]] = {flag: [] for flag in FLAGS}
    alarms: dict[str, list[str]] = {flag: [] for flag in FLAGS}
    for name, rows in found.items():
        signals = annotate(to_batch(rows)).to_pylist()
        for record, row in zip(rows, signals, strict=True):
            path = record.meta["path"]
            for flag in FLAGS:
                globs = EXPECTED[name].get(flag, [])
                expected = any(fnmatch.fnmatchcase("/" + path, g) for g in globs)
                got = bool(row[f"code.is_{flag}"])
                hits[flag] += got and expected
                if expected and not got:
                    missed[flag].append(f"{name}: {path}")
                # a lock file is data as well, if it is long enough
                lock = flag == "data" and any(fnmatch.fnmatchcase("/" + path, g) for g in LOCKS)
                if got and not expected and not lock:
                    alarms[flag].append(f"{name}: {path}")
    measures = {}
    for flag in FLAGS:
        n = hits[flag]
        measures[f"{flag}_recall"] = n / max(1, n + len(missed[flag]))
        measures[f"{flag}_precision"] = n / max(1, n + len(alarms[flag]))
        print(
            f"{flag:10} {n:4} found, {len(missed[flag])} missed, {len(alarms[flag])} alarms: "
            f"precision {measures[flag + '_precision']:.3f} recall {measures[flag + '_recall']:.3f}"
        )
        for what, paths in (("missed", missed[flag]), ("alarm", alarms[flag])):
            for path in paths[:40]:
                print(f"    {what}: {path}")
    return measures


# Languages that no file shows by what it holds: lists, and prose without marks.
NOT_SHOWN = {"Text", "Ignore List", "Git Attributes", "EditorConfig", "Go Module", "Go Checksums",
             "Go Template", "EJS", "Yarn", "Dotenv"}  # fmt: skip
ALIKE = {"JSON with Comments": "JSON", "TSX": "TypeScript", "Tcsh": "Shell", "Xcode Config": "INI"}
PYGMENTS = {"Bash": "Shell", "Docker": "Dockerfile", "Base Makefile": "Makefile", "XML+PHP": "PHP"}
PEER_FILES = 25  # of a language: Pygments takes 15 ms for each


def languages(found: dict[str, list[Record]]) -> dict[str, float]:
    """Files whose language is right without their names, of those whose names tell it."""
    texts: dict[str, list[str]] = collections.defaultdict(list)
    for record in (r for rows in found.values() for r in rows):
        path, text = record.meta["path"], record.text or ""
        named = pathlib.PurePosixPath(path).name
        language = record.meta.get("file_language", "")
        # what the name does not tell, and files of some bytes, say nothing
        told = language_of(named, "") is not None and language not in NOT_SHOWN
        if told and len(text) >= 60 and language != "Jupyter Notebook":
            texts[ALIKE.get(language, language)].append(text)
    start = time.process_time()
    right = {}
    for language, each in texts.items():
        guesses = [language_of("x", t) or "" for t in each]
        right[language] = sum(ALIKE.get(g, g) == language for g in guesses)
    cpu_s = time.process_time() - start
    total = sum(map(len, texts.values()))
    measures = {
        "language_by_content": sum(right.values()) / total,
        "language_by_content_mean": sum(right[k] / len(texts[k]) for k in texts) / len(texts),
        "language_by_content_files_s": total / cpu_s,
    }
    few = [(k, t) for k, each in texts.items() for t in each[:PEER_FILES]]
    peer: collections.Counter[str] = collections.Counter()
    try:
        answer = ask("code_languages", texts=[t for _, t in few])
        for (k, _), guess in zip(few, answer["languages"], strict=True):
            peer[k] += PYGMENTS.get(guess, guess) == k
        measures["language_by_content_pygments"] = sum(peer.values()) / len(few)
    except NoPeersError as error:
        print(error)
    for k, each in sorted(texts.items(), key=lambda item: (-len(item[1]), item[0])):
        told = f"; Pygments {peer[k]} of {min(len(each), PEER_FILES)}" if peer else ""
        print(f"  {k:34} {right[k]:4} of {len(each):4}{told}")
    for name, value in measures.items():
        print(f"{name:32} {value:8.3f}")
    return measures


def licences(kit: pathlib.Path, found: dict[str, list[Record]]) -> dict[str, float]:
    """Files under the licence that the kit names for their repository, and what is unknown."""
    agree = total = 0
    for line in (kit / "code/repos.jsonl").open(encoding="utf-8"):
        fact = json.loads(line)
        name = pathlib.PurePath(fact["archive"]).name.removesuffix(".tar.xz")
        stated = [r.meta.get("licence") or "none" for r in found[name]]
        family = (fact["licence"] or "none").split("-or")[0].split("-only")[0]
        same = sum(s.startswith(family) for s in stated)
        agree, total = agree + same, total + len(stated)
        others = sorted({s for s in stated if not s.startswith(family)})
        print(f"  {name:24} {family:14} {same}/{len(stated)}; others: {', '.join(others) or '-'}")
    with tarfile.open(kit / "licences.tar.xz") as tar:
        known = 0
        names = [m for m in tar.getmembers() if m.isfile()]
        from castor.filters import spdx
        from castor.pipelines.sources import _licence

        for member in names:
            data = tar.extractfile(member)
            assert data is not None
            stated_by = _licence.of_licence_file(data.read().decode("utf-8", "replace"))
            known += stated_by is not None
            told = "not known" if stated_by is None else spdx.render(stated_by)
            print(f"    {member.name:75} {told}")
    return {"licence_agreement": agree / total, "licence_files_known": known / len(names)}


def speed(found: dict[str, list[Record]]) -> dict[str, float]:
    """MB of source text to a CPU second of one core."""
    rows = [r for records in found.values() for r in records]
    megabytes = sum(len((r.text or "").encode()) for r in rows) / 1e6
    batch = to_batch(rows)
    files = {
        name: [SourceFile(r.meta["path"], r.meta.get("file_language"), r.text or "") for r in rows]
        for name, rows in found.items()
    }

    def order() -> None:
        for each in files.values():
            dependency_order([f.path for f in each], graph(each))

    fim, secrets = (load("rewriter", n) for n in ("fill_in_the_middle", "mask_secrets"))
    measures = {
        "annotate_MB_s": megabytes / cpu(lambda: load("annotator", "code").annotate(batch)),
        "order_MB_s": megabytes / cpu(order),
        "fill_in_the_middle_MB_s": megabytes / cpu(lambda: fim.rewrite(batch)),
        "mask_secrets_MB_s": megabytes / cpu(lambda: secrets.rewrite(batch)),
    }
    for name, value in measures.items():
        print(f"{name:26} {value:8.1f}")
    return measures


def main() -> dict[str, float]:
    """Prints every figure of the page on code."""
    kit = data_kit()
    if kit is None:
        print("no data kit: set CASTOR_DATA")
        return {}
    archives = sorted((kit / "code").glob("*.tar.xz"))
    started = time.process_time()
    found = {a.name.removesuffix(".tar.xz"): records(a) for a in archives}
    read = time.process_time() - started
    megabytes = sum(len((r.text or "").encode()) for rows in found.values() for r in rows) / 1e6
    print(
        f"{sum(map(len, found.values()))} files, {megabytes:.1f} MB, "
        f"read at {megabytes / read:.1f} MB/s"
    )
    return (
        kinds_of_files(found)
        | languages(found)
        | licences(kit, found)
        | speed(found)
        | {"read_MB_s": megabytes / read}
    )


if __name__ == "__main__":
    main()
