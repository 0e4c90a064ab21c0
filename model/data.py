"""What a training reads: a compiled mixture, and its tokenizer."""

from __future__ import annotations

import pathlib

from castor.filters import storage
from castor.filters.errors import CastorError
from castor.mixtures.compiled import Compiled, open_mixture
from castor.model import hosts

MIXTURE, TOKENIZER = "mixture", "tokenizer"


def open_or_compile(path: pathlib.Path, out: pathlib.Path, *, force: bool) -> Compiled:
    """The mixture at a path: a compiled folder, or a spec, which is compiled into OUT/mixture.

    Args:
        force: replace what was compiled from another spec.

    Raises:
        ConfigError: the spec is wrong, or OUT/mixture was compiled from another one.
        GateError: the mixture runs dry.
        CastorError: there is no mixture, or it is damaged.
    """
    if path.is_dir():
        return open_mixture(path)
    from castor.mixtures.compile import compile_mixture

    if hosts.first():
        compile_mixture(path, out / MIXTURE, force=force)
    hosts.wait("mixture")
    return open_mixture(out / MIXTURE)


def copy_tokenizer(compiled: Compiled, out: pathlib.Path) -> None:
    """Copies the tokenizer of the mixture's tokens to OUT/tokenizer: a model is no use without.

    Raises:
        CastorError: the token dataset has none, or the operating system refuses to write.
    """
    source = compiled.sources[0].source.folder / TOKENIZER
    if not source.is_dir():
        raise CastorError(
            "the token dataset has no tokenizer",
            where=source,
            fix="encode it again: `castor tokenizer encode` puts it there",
        )
    for path in sorted(source.iterdir()):
        storage.write_bytes(out / TOKENIZER / path.name, path.read_bytes())
