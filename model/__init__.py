"""Everything JAX: the mixture-of-experts decoder, its trainer and its evaluations.

It imports castor.tokenizer and castor.mixtures, never Beam and never castor.filters.
"""

if __name__ == "model":
    raise ImportError(
        "import castor.model, not model: the repository root is on sys.path, so its folders"
        " are visible under a second, bare name; run from elsewhere or use the castor command"
    )
