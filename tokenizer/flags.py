"""The arguments with which sentencepiece trains our vocabularies."""

from __future__ import annotations

from typing import Any

from castor.filters.errors import ConfigError
from castor.tokenizer import reserved

COVERAGE = 0.9995  # of characters; the rest is written in bytes. sentencepiece's own default
LEAST_COVERAGE = 0.98  # sentencepiece refuses less
LONGEST_SENTENCE = 1 << 30  # bytes; sentencepiece leaves out what is longer, and allows no more


def trainer_flags(vocab_size: int, coverage: float = COVERAGE) -> dict[str, Any]:
    """Keyword arguments of `SentencePieceTrainer.train`, complete but for input and output.

    Gemma's choices, as its published converter prints them: a lossless byte-fallback BPE whose
    pieces keep to one script, one digit, one word; defaults that the result depends on are
    written out. Documents are given whole, one a sentence: a limit on their length would leave
    long ones out without an error. One thread, for the merges use no more.

    Args:
        vocab_size: pieces, the reserved ones included.
        coverage: share of all characters that the alphabet has to cover, 0.98 to 1.

    Raises:
        ConfigError: the coverage is out of range.
    """
    if not LEAST_COVERAGE <= coverage <= 1:
        raise ConfigError(
            "the coverage of characters is out of range",
            got=coverage,
            fix=f"give {LEAST_COVERAGE} to 1; the usual one is {COVERAGE}",
        )
    return {
        "model_type": "bpe",
        "vocab_size": vocab_size,
        "hard_vocab_limit": True,
        "character_coverage": coverage,
        "byte_fallback": True,
        "normalization_rule_name": "identity",
        "add_dummy_prefix": False,
        "remove_extra_whitespaces": False,
        "split_by_whitespace": True,
        "split_by_unicode_script": True,
        "split_by_number": True,
        "split_digits": True,
        "treat_whitespace_as_suffix": False,
        "allow_whitespace_only_pieces": True,
        "max_sentencepiece_length": 16,
        "max_sentence_length": LONGEST_SENTENCE,
        "num_threads": 1,
        "pad_id": 0,
        "eos_id": 1,
        "bos_id": 2,
        "unk_id": 3,
        "pad_piece": reserved.PAD,
        "eos_piece": reserved.EOS,
        "bos_piece": reserved.BOS,
        "unk_piece": reserved.UNK,
        "control_symbols": list(reserved.CONTROL_SYMBOLS),
        "user_defined_symbols": list(reserved.USER_DEFINED_SYMBOLS),
    }
