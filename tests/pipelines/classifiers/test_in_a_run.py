"""A run whose policy reads a classifier: trained, applied, decided again by another threshold."""

import json

from castor.pipelines import api

RECIPE = """\
castor: 1
name: spam
sources:
  - {name: rows, kind: rows, input: INPUT}
annotate:
  - {name: classifier, options: {model: MODEL}}
decide: [classifier/drop]
"""
WORDS = {"ham": ["see", "you", "at", "home"], "spam": ["win", "cash", "now", "call"]}


def rows(n):
    """Texts of two kinds, all different."""
    found = []
    for i in range(n):
        label = ("ham", "spam")[i % 2]
        own = [WORDS[label][(i // k) % 4] for k in (2, 3, 5)]
        text = " ".join([*own, "the", f"x{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}"])
        found.append({"id": f"{label}-{i}", "text": text, "label": label})
    return found


def test_spam_is_dropped_and_comes_back_by_another_policy(tmp_path):
    lines = [json.dumps(r) + "\n" for r in rows(400)]
    (tmp_path / "labelled.jsonl").write_text("".join(lines[:200]))
    (tmp_path / "new.jsonl").write_text("".join(lines[200:]))
    settings = ["positive=spam", "epochs=20", "buckets=500", "folds=3", "dim=4"]
    api.classifier_train("fasttext", [tmp_path / "labelled.jsonl"], tmp_path / "model",
                         settings=settings)  # fmt: skip
    recipe = RECIPE.replace("INPUT", str(tmp_path / "new.jsonl"))
    (tmp_path / "spam.yaml").write_text(recipe.replace("MODEL", str(tmp_path / "model")))
    outcome = api.run(str(tmp_path / "spam.yaml"), tmp_path / "out", workers=1, mode="memory")
    kept = api.open_dataset(outcome.out).table(["key", "classifier.probability"]).to_pylist()
    assert {row["key"].partition("@")[2].partition("-")[0] for row in kept} == {"ham"}
    assert len(kept) == 100
    policy = tmp_path / "strict.yaml"
    policy.write_text(
        "name: strict\nversion: 1\nmodality: text\nrules:\n"
        "  - {reason: strict.spam, signal: classifier.probability, below: 1.1, cite: none}\n"
    )
    found = api.decide(outcome.out, [str(policy)], tmp_path / "decided")
    assert (found["kept_before"], found["kept_after"]) == (100, 200)
    pinned = json.dumps(json.loads((outcome.out / "manifest.json").read_text()))
    assert str(tmp_path / "model") not in pinned  # the model is named by its digest
