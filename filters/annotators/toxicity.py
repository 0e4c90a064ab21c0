"""How toxic a text is, by a classifier trained for that; the positive label is the toxic one."""

from castor.filters.annotators import _classified

toxicity = _classified.annotator_of(__name__)
