"""Samples a corpus; trains, evaluates and applies tokenizers, for text and for images.

`load(folder)` opens what `castor tokenizer train` wrote. The package knows the records of
castor.filters and nothing else of Castor's.
"""

from typing import TYPE_CHECKING, Any

if __name__ == "tokenizer":
    raise ImportError(
        "import castor.tokenizer, not tokenizer: the repository root is on sys.path, so its folders"
        " are visible under a second, bare name; run from elsewhere or use the castor command"
    )

if TYPE_CHECKING:
    from castor.tokenizer.processor import Tokenizer as Tokenizer
    from castor.tokenizer.processor import load as load

__all__ = ["Tokenizer", "load"]


def __getattr__(name: str) -> Any:
    """Imports sentencepiece only when a tokenizer is asked for."""
    if name in __all__:
        from castor.tokenizer import processor

        return getattr(processor, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
