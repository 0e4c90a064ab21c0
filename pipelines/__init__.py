"""Everything Beam: sources, stages, dedup, decontamination, recipes, the command line, reports."""

if __name__ == "pipelines":
    raise ImportError(
        "import castor.pipelines, not pipelines: the repository root is on sys.path, so its folders"
        " are visible under a second, bare name; run from elsewhere or use the castor command"
    )
