"""Text of PDFs by pypdf and pdfminer.six, of EPUBs by EbookLib: processor time, and the texts."""

import io
import json
import pathlib
import sys
import time
import warnings

import ebooklib
from ebooklib import epub
from lxml import html
from pdfminer.high_level import extract_text
from pypdf import PdfReader

warnings.simplefilter("ignore")


def by_pypdf(data):
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def by_pdfminer(data):
    return extract_text(io.BytesIO(data))


def by_ebooklib(data):
    try:
        found = epub.read_epub(io.BytesIO(data))
    except KeyError:  # a book that names a file which it lacks is not read at all
        return ""
    documents = found.get_items_of_type(ebooklib.ITEM_DOCUMENT)
    return "\n".join(html.fromstring(d.get_content()).text_content() for d in documents)


PEERS = {"pdf": {"pypdf": by_pypdf, "pdfminer": by_pdfminer}, "epub": {"ebooklib": by_ebooklib}}

asked = json.load(sys.stdin)
answer = {}
for kind, paths in asked.items():
    files = [pathlib.Path(path).read_bytes() for path in paths]
    for name, extract in PEERS[kind].items():
        extract(files[0])
        texts, times = [], []
        for data in files:
            began = time.process_time()
            texts.append(extract(data))
            times.append((time.process_time() - began) * bool(texts[-1]))
        answer[name] = {"cpu_s": sum(times), "texts": texts}
json.dump(answer, sys.stdout)
