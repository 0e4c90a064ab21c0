"""Editions of one work through the command line: the fullest is kept, parts name it."""

import random

from reading import write_files

from castor.pipelines.api import open_dataset


def sentences(n, seed):
    """Sentences of ten made words."""
    draw = random.Random(seed)
    words = [f"{draw.choice('bcdfgklm')}{draw.choice('aeiou')}{i:x}" for i in range(3000)]
    return [" ".join(draw.choices(words, k=9)) + f" end{i % 7}." for i in range(n)]


def test_parts_of_a_book_are_found_and_name_it(castor, tmp_path):
    work, other = sentences(1200, 1), sentences(1200, 2)
    notes = sentences(600, 3)
    volume = [*work, *sentences(1500, 4)]  # and a second work
    texts = {
        "whole.txt": work,
        "volume.txt": volume,
        "chapter.txt": work[300:500],
        "abridged.txt": [s for i, s in enumerate(work) if i % 8 < 3],
        "annotated.txt": [*work[:900], *notes[:200]],
        "half.txt": [*work[:100], *notes[300:400]],  # shares too little
        "quoting.txt": [*other, *work[:60]],
        "second.txt": volume[2000:2500],
        "respelt.txt": [s.replace("end3.", "ende3.") for s in volume],
    }
    write_files(tmp_path / "in", {n: "\n\n".join(s) + "\n" for n, s in texts.items()})
    castor("run", "books", tmp_path / "out", "--set", f"input={tmp_path / 'in'}", "--workers", 1)
    rows = open_dataset(tmp_path / "out/duplicate").table().to_pylist()
    kept = open_dataset(tmp_path / "out").table(["key"])["key"].to_pylist()
    assert sorted(kept) == [f"books:{n}.txt" for n in ("half", "quoting", "respelt")]
    found = {r["key"][6:-4]: (r["duplicate_of"], r["method"]) for r in rows}
    assert found == {
        "volume": ("books:respelt.txt", "near"),
        **dict.fromkeys(
            ("whole", "chapter", "abridged", "annotated", "second"),
            ("books:respelt.txt", "containment"),
        ),
    }
    alike = {r["key"][6:-4]: r["similarity"] for r in rows}
    assert all(0.7 <= s <= 1 for s in alike.values())
    assert alike["annotated"] < alike["chapter"]
