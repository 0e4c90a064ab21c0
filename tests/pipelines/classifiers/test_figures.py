"""Figures of classifiers against tables that were counted by hand."""

import numpy as np
import pytest

from castor.pipelines.classifiers import _figures, _labelled, _labels


def test_figures_of_a_probability():
    probability = np.array([0.9, 0.8, 0.6, 0.4, 0.3, np.nan])
    positive = np.array([True, True, False, True, False, False])
    found = _figures.of_probability(probability, positive, 0.7)
    assert (found["rows"], found["positives"]) == (6, 3)
    assert found["auc"]["value"] == pytest.approx(8 / 9, abs=1e-6)
    assert found["accuracy"]["value"] == pytest.approx(4 / 6, abs=1e-6)  # at 0.5
    assert found["majority accuracy"] == 0.5
    at = {name: value["value"] for name, value in found["at threshold"].items()}
    assert at == pytest.approx({"precision": 1, "recall": 2 / 3, "share": 2 / 6}, abs=1e-6)
    lower = _figures.of_probability(probability, positive, 0.35)["at threshold"]
    assert lower["precision"]["value"] == 0.75
    assert lower["recall"]["value"] == 1


def test_figures_of_several_labels():
    truth = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [1, 0, 1]], bool)
    probability = np.array([[0.9, 0.6, 0], [0.5, 0.2, 0], [0.1, 0, 0], [0.7, 0.1, np.nan]])
    found = _figures.of_several(probability, truth, ["a", "b", "c"])
    assert found["micro f1"]["value"] == pytest.approx(2 * 3 / (4 + 5), abs=1e-6)
    assert found["majority micro f1"] == pytest.approx(2 * 3 / (4 + 5), abs=1e-6)  # always a
    assert found["macro f1"] == pytest.approx(1 / 3, abs=1e-6)
    assert found["all labels right"]["value"] == 0.25
    assert [row["f1"] for row in found["by label"].values()] == [1, 0, 0]
    assert [row["rows"] for row in found["by label"].values()] == [3, 1, 1]
    assert found["by label"]["b"]["auc"]["value"] == pytest.approx(2 / 3, abs=1e-6)
    rare = _figures.of_several(probability[:, 1:], truth[:, 1:], ["b", "c"])
    assert rare["majority micro f1"] == pytest.approx(2 * 2 / (8 + 2), abs=1e-6)  # both, always


def test_rows_with_several_labels_are_spread_by_their_rarest():
    given = [("a", "b"), ("a",), ("b",), (), ("a",)]
    rows = [_labelled.Row(f"t{k}", labels, True, "f") for k, labels in enumerate(given)]
    found = _labels._several(rows, given, None, "no")
    assert found.names == ["a", "b"]
    assert found.several.tolist() == [[1, 1], [1, 0], [0, 1], [0, 0], [1, 0]]
    assert found.labels.tolist() == [1, 0, 1, 2, 0]
