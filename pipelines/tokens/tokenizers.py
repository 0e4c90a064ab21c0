"""Opens tokenizers: a folder of its own, the copy in a token dataset, the one a worker is given."""

from __future__ import annotations

import functools
import os
import pathlib
from typing import Any

from castor.filters import outputs, storage
from castor.filters.errors import CastorError
from castor.mixtures import token_format

TOKENS = token_format.KIND
COPY = "tokenizer"  # the folder of the copy in a token dataset


def kind_of(path: str | os.PathLike[str]) -> str:
    """What the manifest of an output folder says that it is, such as `tokens`.

    Raises:
        CastorError: there is no finished output.
    """
    manifest = pathlib.Path(path, outputs.MANIFEST)
    if not manifest.is_file():
        outputs.read(pathlib.Path(path), "tokenizer")  # says what is missing
    found = storage.read_json(manifest)
    return str(found.get("kind", "dataset")) if isinstance(found, dict) else "something else"


def open_tokenizer(path: str | os.PathLike[str]) -> Any:
    """The tokenizer in a folder, or that of the token dataset in it.

    Raises:
        CastorError: there is none, or it is damaged.
    """
    from castor.tokenizer.processor import load

    folder = pathlib.Path(path)
    return load(folder / COPY if kind_of(folder) == TOKENS else folder)


@functools.lru_cache(maxsize=2)
def verified(path: str, digest: str) -> Any:
    """The tokenizer that whoever asked has opened and verified, in a worker of theirs.

    Args:
        path: its folder.
        digest: `blake2b` of its manifest, which says what model and id space it has.

    Raises:
        CastorError: it is another one by now.
    """
    from castor.tokenizer.processor import load

    found = load(path, verify=False)
    if found.manifest["blake2b"] != digest:
        raise CastorError(
            "the tokenizer was replaced meanwhile",
            where=path,
            got=f"a manifest with digest {found.manifest['blake2b']}, not {digest}",
            fix="run the same command again",
        )
    return found
