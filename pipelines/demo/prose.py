"""Made English prose: plain, grammatical, never twice the same, and about nothing.

It has to pass filters for repetition as real prose does, so its words are drawn one by one:
no run of five words is common.
"""

from __future__ import annotations

import random


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_PERSON = _words(
    """rower surveyor miller neighbour guard botanist printer beekeeper pilot carpenter
    librarian glassblower apprentice clockmaker sailor gardener teacher painter baker shepherd
    doctor judge singer angler courier mason weaver hunter cook dancer widow captain"""
)
_MOOD = _words(
    """young quiet patient retired curious stubborn cheerful tired careful wealthy lonely famous
    nervous gentle clever drowsy honest restless proud modest forgetful polite"""
)
_DID = _words(
    """repaired described carried measured remembered painted counted hid collected sold borrowed
    polished examined photographed buried returned admired weighed opened copied lost found
    guarded cleaned traded sketched dropped inherited unpacked delivered"""
)
_HOW = _words(
    """slowly gladly secretly often rarely carefully proudly silently finally quickly calmly twice
    suddenly patiently almost never always eagerly barely cheerfully"""
)
_LOOK = _words(
    """brass broken wooden narrow golden painted ancient heavy crooked silver dusty hollow foreign
    velvet paper iron green striped faded enormous delicate crystal leather copper"""
)
_THING = _words(
    """globe lantern barrel letter bell basket bridge ledger birdcage kettle mirror violin ladder
    chessboard umbrella saddle telescope carpet teapot anchor drum notebook wheel blanket clock
    trumpet candlestick map statue fence ribbon spoon bucket hammer coat sundial"""
)
_NEAR = _words("beside behind near under above below inside across beyond opposite around past")
_PLACE = _words(
    """canal tannery lighthouse attic orchard moor quarry terrace aqueduct station chapel ford
    harbour market tower bakery meadow tunnel courtyard theatre school cellar island forest
    waterfall hospital museum railway vineyard marsh castle stable"""
)
_KIND = _words(
    """frozen eastern abandoned cold sunny flooded ruined upper lower distant crowded empty shady
    windy old northern hidden muddy famous quiet stony foggy"""
)
_WHEN = _words("before after during until since")
_EVENT = _words(
    """flood harvest fair eclipse storm feast concert election frost wedding auction drought parade
    thaw lecture funeral regatta strike earthquake holiday trial expedition snowfall banquet"""
)
_LENGTH = _words(
    """long short first second great famous terrible unexpected last quiet royal annual summer
    winter spring autumn memorable disastrous"""
)
_STATE = _words(
    """missing cheaper useless ready frozen priceless forbidden cursed repaired forgotten stolen
    unfinished valuable wet borrowed invisible warm crooked safe expensive hungry late"""
)
_WHY = _words("because although while unless since whenever though where")
_FORMS = (
    "{When} the {length} {event}, the {mood} {person} {how} {did} one {look} {thing}.",
    "The {mood} {person} {did} the {look} {thing} {near} the {kind} {place}, {why} {mood2} "
    "{person2}s were {state}.",
    "{Near} the {kind} {place}, every {person} {did} some {look} {thing}s {when} the {event}.",
    "It was the {person} who {how} {did} that {thing}, {why} the {place} had to be {state}.",
    "Some {mood} {person}s {did} their {thing}s and {how} {did2} the {look} {thing2} as well.",
    "Whether the {person} {did} this {look} {thing} of the {mood2} {person2} or {did2} it {when} "
    "the {length} {event} is not known.",
    "What do {mood} {person}s do with {look} {thing}s {near} the {kind} {place}?",
    "To be {state}, that {person} and this {mood2} {person2} {how} {did} each {thing} {when} "
    "{length} {event}s.",
)
_SLOTS = {
    "person": _PERSON, "mood": _MOOD, "did": _DID, "how": _HOW, "look": _LOOK, "thing": _THING,
    "near": _NEAR, "place": _PLACE, "kind": _KIND, "when": _WHEN, "event": _EVENT,
    "length": _LENGTH, "state": _STATE, "why": _WHY,
}  # fmt: skip


def sentence(rng: random.Random) -> str:
    """One sentence of about sixteen words."""
    slots: dict[str, str] = {}
    for name, words in _SLOTS.items():
        slots[name], slots[f"{name}2"] = rng.sample(words, 2)
        slots[name.capitalize()] = slots[name].capitalize()
    return rng.choice(_FORMS).format(**slots)


def paragraph(rng: random.Random, n_sentences: int = 4) -> str:
    """One paragraph, on one line."""
    return " ".join(sentence(rng) for _ in range(n_sentences))


def article(seed: str, n_paragraphs: int = 8) -> tuple[str, list[str]]:
    """A title and paragraphs of about 65 words; equal for equal seeds."""
    rng = random.Random(f"castor demo {seed}")
    look, thing = rng.choice(_LOOK), rng.choice(_THING)
    title = f"How the {rng.choice(_PERSON)} {rng.choice(_DID)} the {look} {thing}"
    return title, [paragraph(rng) for _ in range(n_paragraphs)]
