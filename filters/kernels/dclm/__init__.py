"""What DCLM's Gopher filters count in a text: see counts.py and segments.py."""
