"""How good a text is, by a classifier trained for that; the positive label is what to keep."""

from castor.filters.annotators import _classified

quality = _classified.annotator_of(__name__)
