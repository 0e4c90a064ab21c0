"""What a classifier of one's own says of a text; any other question: spam, topics, a genre."""

from castor.filters.annotators import _classified

classifier = _classified.annotator_of(__name__)
