"""From documents to tokens, fanned out by Beam: sample and count for a tokenizer, encode."""
