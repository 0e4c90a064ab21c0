"""KenLM's scores of texts by an ARPA model, and its CPU seconds.

Reads {"model", "texts"}, the texts tokenised, lines with LF; prints `logs`, the natural log
probability of each with <s> and </s> of its lines, and `seconds` of the fastest of three runs.
"""

import json
import math
import sys
import time

import kenlm


def main() -> None:
    """Scores, three times."""
    given = json.load(sys.stdin)
    model = kenlm.Model(given["model"])
    best = math.inf
    for _ in range(3):
        start = time.process_time()
        logs = [sum(map(model.score, text.split("\n"))) for text in given["texts"]]
        best = min(best, time.process_time() - start)
    print(json.dumps({"logs": [v * math.log(10) for v in logs], "seconds": best}))


main()
