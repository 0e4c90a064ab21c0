"""The tokenizer: a page in one compiled pass over its bytes."""
