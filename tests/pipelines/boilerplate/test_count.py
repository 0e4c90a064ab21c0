"""Counting lines by site: distinct pages, exact shares, any order of shards."""

import numpy as np
import pyarrow as pa
import pytest

from castor.filters.html.lines.scan import lines_of
from castor.pipelines.boilerplate import count


def seen(pages: list[tuple[str | None, str]]) -> tuple[np.ndarray, np.ndarray, object]:
    """SEEN of pages (site, text), with the sites and the lines."""
    lines = lines_of(pa.array([text for _, text in pages], pa.large_string()))
    sites = count.sites_of(site for site, _ in pages)
    return count.seen(lines, sites), sites, lines


def cut(shards: list[list], folder, *, pages: int, share: float) -> list[list[str]]:
    """The lines of each page, shard by shard, that are found on many pages of its site."""
    prefixes: dict[int, list] = {}
    for i, shard in enumerate(shards):
        path = folder / f"{i}.seen"
        for prefix in count.write(path, seen(shard)[0]):
            prefixes.setdefault(prefix, []).append(path)
    counted = [
        count.counts([count.read(path, prefix) for path in paths], pages)
        for prefix, paths in prefixes.items()
    ]
    keys = count.repeated(np.concatenate(counted), share)
    found = []
    for shard in shards:
        _, sites, lines = seen(shard)
        is_repeated = count.among(keys, sites, lines)
        for row, (_, text) in enumerate(shard):
            mine = is_repeated[lines.row == row]
            found.append([x.strip() for x, gone in zip(text.split("\n"), mine) if gone])
    return found


def site(name: str, n: int, line: str, on: int) -> list[tuple[str, str]]:
    """n pages of a site of which `on` have a line."""
    return [(name, f"page {i} of {name}" + f"\n\n  {line}" * (i < on)) for i in range(n)]


def test_a_line_counts_by_its_site(tmp_path):
    pages = [*site("a", 10, "Subscribe", 5), *site("b", 10, "Subscribe", 4)]
    found = cut([pages], tmp_path, pages=5, share=0.5)
    assert found == [["Subscribe"]] * 5 + [[]] * 15


@pytest.mark.parametrize(("share", "gone"), [(0.4, 4), (0.41, 0)])
def test_a_share_of_the_pages_is_needed(tmp_path, share, gone):
    found = cut([site("a", 10, "Subscribe", 4)], tmp_path, pages=2, share=share)
    assert sum(map(len, found)) == gone


def test_equal_pages_are_one_page(tmp_path):
    same = [("a", "the same\nSubscribe")] * 9
    assert cut([same[:3], same[3:]], tmp_path, pages=2, share=0) == [[]] * 9
    other = ("a", "another\nSubscribe")
    assert cut([[*same, other]], tmp_path, pages=2, share=0) == [["Subscribe"]] * 10


def test_a_page_counts_a_line_once(tmp_path):
    pages = [("a", f"{word}\nyes\nyes\nyes") for word in ("one", "two")]
    assert cut([pages], tmp_path, pages=3, share=0) == [[], []]


def test_what_has_no_site_takes_no_part(tmp_path):
    pages = [(None, f"{i} words\nSubscribe") for i in range(9)]
    assert seen(pages)[0].size == 0
    known = site("a", 9, "Subscribe", 9)
    found = cut([pages + known], tmp_path, pages=2, share=0)
    assert found == [[]] * 9 + [["Subscribe"]] * 9


def test_tables_code_and_lines_without_words_are_not_counted():
    found, _, _ = seen([("a", "words\n| a | b |\n```\ncode\n```\n---\n12")])
    assert found["line"].tolist().count(count.NO_LINE) == 1
    assert len(found) == 2


def test_the_order_of_shards_and_of_rows_does_not_matter(tmp_path):
    shards = [site("a", 6, "Subscribe", 4), site("b", 5, "Read more", 3), site("a", 3, "Share", 3)]
    files, keys = [], []
    for turn, order in enumerate(([0, 1, 2], [2, 1, 0])):
        folder = tmp_path / str(turn)
        folder.mkdir()
        counted = []
        for i in order:
            count.write(folder / f"{i}", seen(shards[i][:: 1 - 2 * turn])[0])
        for prefix in range(count.PREFIXES):
            counted.append(count.counts([count.read(folder / f"{i}", prefix) for i in order], 2))
        files.append([(folder / f"{i}").read_bytes() for i in range(3)])
        keys.append(count.repeated(np.concatenate(counted[:: 1 - 2 * turn]), 0.4).tolist())
    assert files[0] == files[1]
    assert keys[0] == keys[1]
    assert len(keys[0]) == 2  # Share is on 3 of the 9 pages of a
