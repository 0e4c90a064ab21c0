"""The reserved pieces of a vocabulary: what each is for, and in which order they get their ids.

Two kinds, as sentencepiece knows them:

- *control* pieces have an id and no text: the trainer of a model writes them, text never gives
  one, whatever it says (`<start_of_image>` in a text is seven ordinary pieces);
- *user-defined* pieces are text: wherever the literal occurs it is this one piece, the longest
  literal first, and no other piece contains it.

The choice is Gemma's, as far as its vocabulary shows it (runs of newlines, runs of spaces, HTML
tags, unused pieces), with begin and end of each modality. Runs of spaces are given as runs of
U+2581: literal spaces are accepted by sentencepiece 0.2.3 and then match nothing.
"""

from __future__ import annotations

PAD, EOS, BOS, UNK = "<pad>", "<eos>", "<bos>", "<unk>"  # ids 0, 1, 2, 3
MASK = "<mask>"
TURNS = ("<start_of_turn>", "<end_of_turn>")
MODALITIES = ("image", "audio", "video")
SPACE = "\u2581"  # what sentencepiece writes for a space
N_UNUSED = 99
LONGEST_RUN = 31  # of newlines, and of spaces


def begin_of(modality: str) -> str:
    """The control piece before the codes or soft inputs of a medium."""
    return f"<start_of_{modality}>"


def end_of(modality: str) -> str:
    """The control piece after the codes or soft inputs of a medium."""
    return f"<end_of_{modality}>"


# Opening tags of each group, then its closing ones: the order of Gemma's vocabulary (168-215).
_TABLE = ("table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td")
_BLOCKS = ("h1", "h2", "h3", "h4", "h5", "h6", "blockquote")
_INLINE = ("strong", "em", "b", "i", "u", "s", "sub", "sup", "code")
HTML_TAGS = tuple(
    f"<{slash}{tag}>"
    for group in (_TABLE, _BLOCKS, _INLINE)
    for slash in ("", "/")
    for tag in group
)

CONTROL_SYMBOLS = (
    MASK,
    *TURNS,
    *(name for modality in MODALITIES for name in (begin_of(modality), end_of(modality))),
    *(f"<unused{i}>" for i in range(N_UNUSED)),
)
USER_DEFINED_SYMBOLS = (
    *("\n" * n for n in range(1, LONGEST_RUN + 1)),
    *(SPACE * n for n in range(2, LONGEST_RUN + 1)),
    "\t",
    *HTML_TAGS,
)
BYTE_PIECES = tuple(f"<0x{byte:02X}>" for byte in range(256))

# Literals that sentencepiece's trainer cuts out of the text before it looks at it.
META_PIECES = (PAD, EOS, BOS, UNK, *CONTROL_SYMBOLS, *USER_DEFINED_SYMBOLS, *BYTE_PIECES)
N_RESERVED = len(META_PIECES)  # pieces that every vocabulary has before the first learned one
