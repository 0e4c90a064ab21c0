"""Made English prose: plain, grammatical, never twice the same, and about nothing."""

from __future__ import annotations

import random

_WHO = """the ferryman|a young surveyor|the miller's daughter|our neighbour|the night watchman
an old botanist|the choir|a travelling printer|the beekeeper|the harbour pilot|two carpenters
a quiet librarian|the glassblower|every apprentice|the clockmaker|a retired sailor""".replace(
    "\n", "|"
).split("|")
_DID = """repaired|described|carried|measured|remembered|painted|counted|hid|collected|sold
borrowed|polished|examined|photographed|buried|returned""".replace("\n", "|").split("|")
_WHAT = """a brass compass|the broken sluice gate|seven jars of honey|the map of the marshes
a letter from Trondheim|the oldest bell|three baskets of pears|a wooden bridge|the harvest records
a lamp with green glass|the drawings of beaver dams|an empty birdcage|the tide tables
a sack of rye flour|the key to the tower|some lines of an unfinished song""".replace(
    "\n", "|"
).split("|")
_WHERE = """beside the frozen canal|behind the tannery|near the eastern lighthouse|in a cold attic
under the chestnut trees|at the edge of the moor|between two limestone walls|on the upper terrace
along the gravel road|in the shadow of the aqueduct|close to the weather station
below the orchard|across the shallow ford|inside the ruined chapel""".replace("\n", "|").split("|")
_WHEN = """before the first snow|while the fog was lifting|after a dry summer|on market day
during the long eclipse|when the geese came back|late in the evening|as the tide turned
soon after the flood|in the week of the fair|at the beginning of March""".replace("\n", "|").split(
    "|"
)
_WHY = """because nobody else had the patience|although the road was closed|so that it would not rot
since the council had asked for proof|and that settled the old quarrel|but the price was too high
to learn how the water moves|for reasons which were never explained|which surprised the visitors
and the children laughed about it for days|as the custom of the valley demands
though few people believed it at the time""".replace("\n", "|").split("|")
_FORMS = (
    "{When}, {who} {did} {what} {where}.",
    "{Who} {did} {what} {where}, {why}.",
    "{Where}, {who} {did} {what}, {why}.",
    "It is said that {who} {did} {what} {when}, {why}.",
    "{Who} had {did} {what} {when}, and {who2} {did2} {what2} as well.",
    "Nobody knows whether {who} {did} {what} {where} or whether {who2} did it {when}.",
    "What {who} {did} {where} was not {what} but {what2}, {why}.",
    "To be sure of it, {who} and {who2} {did} {what} once more {when}.",
)


def sentence(rng: random.Random) -> str:
    """One sentence of about eighteen words."""
    who, who2 = rng.sample(_WHO, 2)
    did, did2 = rng.sample(_DID, 2)
    what, what2 = rng.sample(_WHAT, 2)
    where, when, why = rng.choice(_WHERE), rng.choice(_WHEN), rng.choice(_WHY)
    slots = {"who": who, "who2": who2, "did": did, "did2": did2, "what": what, "what2": what2}
    slots |= {"where": where, "when": when, "why": why}
    slots |= {"Who": _capital(who), "When": _capital(when), "Where": _capital(where)}
    return rng.choice(_FORMS).format(**slots)


def paragraph(rng: random.Random, n_sentences: int = 4) -> str:
    """One paragraph, on one line."""
    return " ".join(sentence(rng) for _ in range(n_sentences))


def article(seed: str, n_paragraphs: int = 8) -> tuple[str, list[str]]:
    """A title and paragraphs of about 70 words; equal for equal seeds."""
    rng = random.Random(f"castor demo {seed}")
    title = f"How {rng.choice(_WHO)} {rng.choice(_DID)} {rng.choice(_WHAT)}"
    return title, [paragraph(rng) for _ in range(n_paragraphs)]


def _capital(words: str) -> str:
    return words[0].upper() + words[1:]
