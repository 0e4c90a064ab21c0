"""What datatrove counts in a text, with spaCy's words: see counts.py and split.py."""
