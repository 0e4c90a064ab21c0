"""Kinds of models that `castor classifier` trains: one file each, named like the kind.

A kind is a module here with these three, and nothing lists it:

    HELP: str                                  # its options and what it writes; shown by the verb

    def train(data: Sequence[Path], out: Path, *, seed: int, options: Mapping[str, str]) -> dict
        # writes the model's files into `out`; returns facts for the card: JSON values

    def evaluate(model: Path, data: Sequence[Path], *, options: Mapping[str, str]) -> dict
        # figures with 95 % intervals: JSON values

Training is deterministic: the same data, options and seed give the same bytes. Files whose names
begin with an underscore are shared by kinds, or by the verb.
"""
