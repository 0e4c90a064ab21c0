"""Samples a corpus; trains, evaluates and applies tokenizers, for text and for images.

It knows the records of castor.filters and nothing else of Castor's.
"""

if __name__ == "tokenizer":
    raise ImportError(
        "import castor.tokenizer, not tokenizer: the repository root is on sys.path, so its folders"
        " are visible under a second, bare name; run from elsewhere or use the castor command"
    )
