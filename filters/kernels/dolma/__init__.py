"""What Dolma's Gopher tagger counts in a text: see counts.py."""
