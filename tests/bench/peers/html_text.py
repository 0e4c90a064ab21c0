"""Main text by resiliparse and trafilatura: processor time, and the texts."""

import json
import pathlib
import sys
import time

import trafilatura
from resiliparse.extract.html2text import extract_plain_text

PEERS = {
    "resiliparse": lambda html: extract_plain_text(
        html, main_content=True, preserve_formatting=True, alt_texts=False
    ),
    "trafilatura": lambda html: trafilatura.extract(html, include_comments=False) or "",
}

asked = json.load(sys.stdin)
with pathlib.Path(asked["pages"]).open(encoding="utf-8") as lines:
    pages = [json.loads(line)["html"] for line in lines]
answer = {}
for name, extract in PEERS.items():
    for page in pages[:3]:
        extract(page)
    began = time.process_time()
    texts = [extract(page) for page in pages]
    answer[name] = {"cpu_s": time.process_time() - began, "texts": texts}
json.dump(answer, sys.stdout)
