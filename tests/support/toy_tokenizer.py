"""A tokenizer that can be followed by hand: it takes the longest of a few pieces, else bytes."""

import numpy as np

from castor.tokenizer import id_space, reserved

CONTROL = ("<pad>", "<eos>", "<bos>", "<unk>", *reserved.CONTROL_SYMBOLS)


class Toy:
    """Takes the longest of a few pieces, else bytes; stands in for sentencepiece too.

    Args:
        pieces: texts of the pieces.
        avoids: a piece that it has and never gives.
        loses: a character that comes back as a question mark.
        injects: a text that gives <bos>.
    """

    def __init__(self, pieces, avoids=None, loses=None, injects=None):
        names = [*CONTROL, *(f"<0x{b:02X}>" for b in range(256)), *pieces]
        self.names, self.pieces = names, pieces
        self.avoids, self.loses, self.injects = avoids, loses, injects
        self.id_space = id_space.make(
            len(names), {name: i for i, name in enumerate(CONTROL)}, image_codes=4
        )
        first = len(CONTROL)
        surfaces = [b""] * first + [bytes([b]) for b in range(256)] + [p.encode() for p in pieces]
        self.surfaces = surfaces + [b""] * (self.id_space.size - len(surfaces))
        self.piece_bytes = np.array([len(s) for s in self.surfaces], np.int32)
        self.sentencepiece = self
        self.is_unknown = lambda i: i == 3
        self.is_control = lambda i: i != 3 and i < first
        self.is_byte = lambda i: first <= i < first + 256
        self.id_to_piece = names.__getitem__

    def piece_to_id(self, name):
        return self.names.index(name) if name in self.names else 3

    def encode_batch(self, texts):
        return [np.array(self._encode(t), np.uint32) for t in texts]

    def _encode(self, text):
        if text == self.injects:
            return [2]
        ids = []
        while text:
            usable = (p for p in self.pieces if text.startswith(p) and p != self.avoids)
            best = max(usable, key=len, default=None)
            if best is None:
                ids += [self.names.index(f"<0x{b:02X}>") for b in text[0].encode()]
            else:
                ids.append(self.names.index(best))
            text = text[len(best) if best else 1 :]
        return ids

    def decode_bytes(self, ids):
        found = b"".join(self.surfaces[i] for i in ids)
        return found.replace(self.loses.encode(), b"?") if self.loses else found
