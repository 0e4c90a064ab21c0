"""Makes small token datasets for tests, with an id space like a tokenizer's."""

import itertools

import numpy as np

from castor.filters import outputs
from castor.mixtures.tokens import (
    BOS_ID,
    EOS_ID,
    Document,
    ShardWriter,
    Span,
    manifest_content,
)

DIMS = {"image": 8, "audio": 6, "video": 4}


def id_space(text_size=256, image_codes=64):
    """An id space as a tokenizer's manifest holds it: small, but whole."""
    literals = ["<mask>", "<start_of_turn>", "<end_of_turn>"]
    literals += [f"<{edge}_of_{m}>" for m in DIMS for edge in ("start", "end")]
    stop = text_size + image_codes
    soft = {m: stop + i for i, m in enumerate(DIMS)}
    return {
        "text_size": text_size,
        "control": {literal: 4 + i for i, literal in enumerate(literals)},
        "image_codes": [text_size, stop],
        "soft": soft,
        "size": -(-(stop + len(soft)) // 256) * 256,
    }


def document(rng, key, *, tokens=20, source="web", spans=(), space=None, first_id=16):
    """A document of `tokens` ids in all (bos, eos and media included), of chance text ids.

    Args:
        rng: numpy's generator.
        spans: (modality, placeholders) of each medium; they stand right after bos.
        first_id: the lowest text id.
    """
    space = space or id_space()
    ids, made, soft = [BOS_ID], [], {}
    for modality, length in spans:
        ids.append(space["control"][f"<start_of_{modality}>"])
        made.append(Span(modality, len(ids), length))
        ids += [space["soft"][modality]] * length
        ids.append(space["control"][f"<end_of_{modality}>"])
        vectors = rng.standard_normal((length, DIMS[modality])).astype(np.float16)
        soft.setdefault(modality, []).append(vectors)
    text = max(0, tokens - len(ids) - 1)
    ids += rng.integers(first_id, space["text_size"], text).tolist()
    return Document(
        key=key,
        source=source,
        modality=spans[0][0] if spans else "text",
        language="en",
        ids=np.array([*ids, EOS_ID], np.uint32),
        text_bytes=4 * text,
        spans=tuple(made),
        soft={m: np.concatenate(v) for m, v in soft.items()},
    )


def write_tokens(folder, documents, *, space=None, parts=1, heldout=()):
    """Writes documents (any sources) as a token dataset; returns its folder.

    Args:
        documents: the train split, in order; each source is cut into `parts` parts.
        heldout: the documents of the other split.
    """
    space = space or id_space()
    lines = []
    for split, given in (("train", list(documents)), ("heldout", list(heldout))):
        by_source = {}
        for one in given:
            by_source.setdefault(one.source, []).append(one)
        for source, ours in by_source.items():
            cuts = np.linspace(0, len(ours), parts + 1).astype(int).tolist()
            for number, (start, stop) in enumerate(itertools.pairwise(cuts)):
                writer = ShardWriter(folder, source, split, number)
                for one in ours[start:stop]:
                    writer.add(one)
                lines.append(writer.close())
    content = manifest_content(
        lines,
        tokenizer={"sha256": "0" * 64, "id_space": space},
        heldout_share=0.02,
        dataset={"digest": "0" * 32},
    )
    outputs.write(folder, "tokens", {"test": True}, **content)
    return folder


def make_tokens(folder, sources, *, seed=0, mean=20, parts=1, media=()):
    """A token dataset of chance text: `make_tokens(path, {"web": 5_000, "books": 800})`.

    Args:
        sources: name -> tokens of its train split, at least; a tenth as much is held out.
        mean: mean tokens of a document.
        media: sources whose every third document has a picture and a sound.
    """
    rng = np.random.default_rng(seed)
    made = {"train": [], "heldout": []}
    for source, tokens in sources.items():
        for split, wanted in (("train", tokens), ("heldout", tokens // 10)):
            number = total = 0
            while total < wanted:
                spans = ()
                if source in media and number % 3 == 0:
                    spans = (("image", int(rng.integers(1, 9))), ("audio", int(rng.integers(1, 5))))
                length = int(rng.geometric(1 / mean)) + 2
                key = f"{source}:{split}@{number}"
                one = document(rng, key, tokens=length, source=source, spans=spans)
                made[split].append(one)
                number, total = number + 1, total + len(one.ids)
    return write_tokens(folder, made["train"], parts=parts, heldout=made["heldout"])
