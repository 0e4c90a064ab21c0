"""From scores and letters to the answer: shares of languages, the main one, how sure it is."""

from __future__ import annotations

import numpy as np

from castor.filters.kernels._compile import at
from castor.filters.language.kernels.alphabets import HAN, HANGUL, KANA, OTHER, TELL_TALES
from castor.filters.language.kernels.fold import GROUPS
from castor.filters.language.kernels.inlined import inlined
from castor.filters.language.kernels.layout import (
    DIRECT,
    FIRST_RATE,
    KEPT,
    LEAST_SHARE,
    LONG,
    N_FACTS,
    N_IDS,
    N_RATES,
    N_SCORED,
    NATS,
    STEP,
    TELL_TALE,
)
from castor.filters.language.kernels.vectors import LANES


@inlined
def _best(values, first):
    """The lanes of the largest and the second largest of LANES values; of equals the lower one."""
    best = np.int64(-(1 << 62))
    for lane in range(LANES):  # the lane in the lowest bits: one maximum tells both
        best = max(best, np.int64(at(values, first + lane)) * LANES + (LANES - 1 - lane))
    second = np.int64(-(1 << 62))
    for lane in range(LANES):
        value = np.int64(at(values, first + lane)) * LANES + (LANES - 1 - lane)
        second = max(second, value if value != best else np.int64(-(1 << 62)))
    return first + (LANES - 1) - (best & (LANES - 1)), first + (LANES - 1) - (second & (LANES - 1))


@inlined
def _credit(s, number, letters):
    """Counts letters for a language, and remembers that it has some."""
    if s.shares[number] == 0:
        s.touched[s.touched[0] + 1] = number
        s.touched[0] += 1
    s.shares[number] += letters


@inlined
def _largest(s):
    """The language with the largest share, the first of equals."""
    top = s.touched[1]
    for k in range(2, s.touched[0] + 1):
        number = s.touched[k]
        more = s.shares[number] > s.shares[top]
        if more or (s.shares[number] == s.shares[top] and number < top):
            top = number
    return top


@inlined
def _facts(w, s, best, second, share, facts):
    """Fills in what is known of a scored answer; returns whether the language is known."""
    script = best // LANES
    seen, hits = s.seen[0, script], s.seen[1, script]
    margin = (s.totals[best] - s.totals[second]) * NATS
    pair = w.families[best] > 0 and w.families[best] == w.families[second]
    facts[0] = 1
    facts[1] = np.log1p(max(margin, 0.0))
    for k in range(1, 5):
        facts[1 + k] = max(facts[1] - k, 0.0)
    words, hit_words = s.seen[2, script], s.seen[3, script]
    grams = max(seen - words, 1)
    facts[6] = np.log1p(np.float64(hits))
    facts[7] = share
    facts[8] = pair
    facts[9] = pair * facts[1]
    length = np.sqrt(min(grams, LONG) / 64)
    facts[10] = length
    rates = (
        hits / max(seen, 1),
        hit_words / max(words, 1),
        s.totals[best] * NATS / max(hits, 1),
        s.evidence[best] * STEP / grams,
        s.evidence[DIRECT + best] * STEP / max(words, 1),
    )
    for k in range(N_RATES):
        rate = rates[k] - w.usual[k * DIRECT + best]
        facts[FIRST_RATE + k] = rate
        facts[FIRST_RATE + N_RATES + k] = rate * length
    if hits == 0:
        return False
    odds = 0.0
    for k in range(N_FACTS):
        odds += w.known[k] * facts[k]
    return odds >= w.limits[2]


@inlined
def _tell_tale(w, s, script):
    """The language whose own letters are frequent enough in the script's, or -1."""
    best, most = -1, 1  # one letter alone is a loan word's
    for group in range(1, len(TELL_TALES) + 1):
        letters = s.counts[GROUPS + group]
        frequent = letters * 1000 >= w.rates[group] * s.counts[script]
        if w.homes[group] == script and frequent and letters > most:
            best, most = TELL_TALE + group, letters
    return best


@inlined
def _share_out(w, s, parts):
    """Letters of the text by language into shares; returns the sum."""
    total = 0.0
    for script in range(N_SCORED, OTHER + 1):
        letters = float(s.counts[script])
        if letters == 0:
            continue
        number = DIRECT + script
        if script == HAN and s.counts[KANA] * 20 >= letters:
            number = DIRECT + KANA
        elif script == HAN and s.counts[HANGUL] * 4 >= letters:
            number = DIRECT + HANGUL
        tale = _tell_tale(w, s, script)
        letters *= 2 if script in (HAN, KANA, HANGUL) else 1  # they say more than one sound each
        number = tale if tale >= 0 else number
        _credit(s, N_IDS if script == OTHER else number, letters)
        total += letters
    for script in range(N_SCORED):
        if s.counts[script] == 0:
            continue
        main, _ = _best(s.totals, script * LANES)
        tale = _tell_tale(w, s, script)
        known = s.seen[1, script] > 0
        for part in range(parts):
            if s.places[part, 0] != script:
                continue
            letters = float(s.places[part, 1])
            total += letters
            if tale >= 0 or not known:
                _credit(s, tale if tale >= 0 else N_IDS, letters)
                continue
            here, _ = _best(s.parts[part], 0)
            lead = s.parts[part, here] - s.parts[part, main - script * LANES]
            other = lead >= w.limits[1]
            _credit(s, script * LANES + here if other else main, letters)
    return total


@inlined
def _direct_score(w, s, number):
    """How sure an answer from the script alone is: only Han without kana leaves a doubt."""
    if number == DIRECT + HAN:
        doubt = 0.5 * np.exp(-w.limits[3] * s.counts[HAN])
        return 0.995 - doubt
    return 0.995


@inlined
def decide(w, s, parts, row, out):
    """Writes the answer for a text whose chunks have been read."""
    total = _share_out(w, s, parts)
    if total == 0:
        return
    top = _largest(s)
    share = s.shares[top] / total
    if top < DIRECT:
        best, second = _best(s.totals, top // LANES * LANES)
        if best != top:
            second = best
        is_known = _facts(w, s, top, second, share, out.facts[row])
        if is_known:
            odds = 0.0
            for k in range(N_FACTS):
                odds += w.right[k] * out.facts[row, k]
            out.scores[row] = 1 / (1 + np.exp(-odds))
            out.runners[row] = second
        else:
            _credit(s, N_IDS, s.shares[top])
            s.shares[top] = 0
    elif top < N_IDS:
        out.scores[row] = _direct_score(w, s, top)
    for k in range(KEPT):
        top = _largest(s)
        share = s.shares[top] / total
        if share < LEAST_SHARE:
            break
        out.ids[row, k] = top if top < N_IDS else -1
        out.shares[row, k] = share
        s.shares[top] = 0
    for k in range(1, s.touched[0] + 1):
        s.shares[s.touched[k]] = 0
    s.touched[0] = 0
