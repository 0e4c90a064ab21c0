"""What is true of one document: annotators measure, policies decide, rewriters edit.

A leaf package: it imports nothing else of Castor's, and neither Beam nor JAX.
"""

if __name__ == "filters":
    raise ImportError(
        "import castor.filters, not filters: the repository root is on sys.path, so its folders"
        " are visible under a second, bare name; run from elsewhere or use the castor command"
    )
