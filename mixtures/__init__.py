"""What is mixed, in which order, how often: specs, plans, packing, ablations.

It knows the records of castor.filters and nothing else of Castor's.
"""

if __name__ == "mixtures":
    raise ImportError(
        "import castor.mixtures, not mixtures: the repository root is on sys.path, so its folders"
        " are visible under a second, bare name; run from elsewhere or use the castor command"
    )
