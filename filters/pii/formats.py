"""Tables that the scan reads: lengths of IBANs, prefixes of keys, words beside what is sought."""

from __future__ import annotations

import functools

import numpy as np

# Length by country: SWIFT IBAN Registry, release 98.
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BI": 27, "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27,
    "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HN": 28, "HR": 21, "HU": 28,
    "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28,
    "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22,
    "MK": 19, "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23,
    "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24,
    "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "SO": 23, "ST": 25, "SV": 28,
    "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20, "YE": 30,
}  # fmt: skip

BEARER = r"[Bb]earer (?P<token>(?=[A-Za-z._~+/-]*[0-9])[A-Za-z0-9_\-.~+/]{20,}=*)"

# How keys and tokens of services begin, and the whole of them (each service's documentation).
KEYS = {
    # Amazon Web Services: unique identifiers of access keys
    **dict.fromkeys(("AKIA", "ASIA", "ABIA", "ACCA"), r"[A-Z2-7]{4}[A-Z0-9]{16}(?![A-Za-z0-9])"),
    # GitHub, GitLab
    **dict.fromkeys(("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"gh[pousr]_[A-Za-z0-9]{36,255}"),
    "github_pat_": r"github_pat_[A-Za-z0-9_]{50,255}",
    "glpat-": r"glpat-[A-Za-z0-9_\-]{20,}",
    # Slack
    **dict.fromkeys(
        ("xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xapp-"),
        r"x(?:ox[bpars]|app)-[A-Za-z0-9-]{10,}",
    ),
    # Google: API keys, OAuth tokens and client secrets
    "AIza": r"AIza[A-Za-z0-9_\-]{35}(?![A-Za-z0-9_-])",
    "ya29.": r"ya29\.[A-Za-z0-9_\-]{20,}",
    "GOCSPX-": r"GOCSPX-[A-Za-z0-9_\-]{28}",
    # Stripe, Square, Shopify, SendGrid, Mailgun
    **dict.fromkeys(
        ("sk_live_", "rk_live_", "sk_test_", "rk_test_"), r"[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"
    ),
    **dict.fromkeys(("sq0atp-", "sq0csp-"), r"sq0[ac][ts]p-[A-Za-z0-9_\-]{22,}"),
    **dict.fromkeys(
        ("shpat_", "shpca_", "shppa_", "shpss_"), r"shp(?:at|ca|pa|ss)_[A-Fa-f0-9]{32}"
    ),
    "SG.": r"SG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{16,64}",
    "key-": r"key-[0-9a-f]{32}(?![A-Za-z0-9])",
    # Package indexes, registries, clouds
    "npm_": r"npm_[A-Za-z0-9]{36}",
    "pypi-": r"pypi-[A-Za-z0-9_\-]{50,}",
    "dckr_pat_": r"dckr_pat_[A-Za-z0-9_\-]{20,}",
    **dict.fromkeys(("dop_v1_", "doo_v1_", "dor_v1_"), r"do[opr]_v1_[a-f0-9]{64}"),
    "LTAI": r"LTAI[A-Za-z0-9]{12,24}(?![A-Za-z0-9])",
    "hvs.": r"hvs\.[A-Za-z0-9_\-]{24,}",
    # Models
    "hf_": r"hf_[A-Za-z0-9]{30,}",
    "sk-": r"sk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_\-]{32,}",
    # JSON Web Tokens (RFC 7519): a header, claims and a signature, in base64url
    "eyJ": r"eyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}",
    # Bearer tokens (RFC 6750), the token alone
    **dict.fromkeys(("Bearer ", "bearer "), BEARER),
    # Private keys (RFC 7468): what follows five hyphens; `verify` finds the end
    "BEGIN ": r"BEGIN (?P<label>(?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?)-----",
}
SIGNS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

# Words between the dots and slashes of a URL beside which a person's name stands.
PLACES_OF_NAMES = (
    "twitter", "x", "instagram", "facebook", "fb", "tiktok", "linkedin", "github", "gitlab",
    "bitbucket", "reddit", "youtube", "t", "vk", "flickr", "soundcloud", "pinterest", "medium",
    "keybase", "telegram", "snapchat", "threads", "bsky", "twitch", "patreon", "ok", "weibo",
    "steamcommunity", "last", "deviantart", "quora", "users", "user", "u", "profile", "profiles",
    "people", "member", "members",
)  # fmt: skip

# Words before a telephone number, in lower case.
PHONE_LABELS = (
    "tel", "telephone", "telefon", "telefono", "telefone", "telefoon", "phone", "phones", "fax",
    "fon", "telephon", "hotline", "mobile", "mobil", "cellphone", "whatsapp", "handy", "gsm",
    "puhelin", "telefax",
)  # fmt: skip


def iban_lengths() -> np.ndarray:
    """Length of an IBAN by country, 26 * first letter + second; 0 for none: int64 [676]."""
    found = np.zeros(676, np.int64)
    for country, length in IBAN_LENGTHS.items():
        found[(ord(country[0]) - 65) * 26 + ord(country[1]) - 65] = length
    return found


@functools.cache
def key_prefixes() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Prefixes of keys by their first four bytes, as `prefixed_at` reads them.

    Returns:
        keys: uint32 [4096], linear probing from the upper half of a product, 0 for empty.
        texts: uint8 [n], the prefixes; offsets: int64 [4097], where that of each slot lies.
    """
    slots: dict[int, bytes] = {}
    for prefix in KEYS:
        for text in [prefix] if len(prefix) > 3 else [prefix + c for c in SIGNS]:
            head = int.from_bytes(text.encode()[:4], "little")
            slot = ((head * 0x9E3779B1 & 0xFFFFFFFF) >> 16) & 4095
            while slot in slots:
                slot = (slot + 1) & 4095
            slots[slot] = text.encode()
    keys = np.zeros(4096, np.uint32)
    lengths = np.zeros(4097, np.int64)
    for slot, whole in slots.items():
        keys[slot] = int.from_bytes(whole[:4], "little")
        lengths[slot + 1] = len(whole)
    texts = b"".join(slots[slot] for slot in sorted(slots))
    return keys, np.frombuffer(texts, np.uint8).copy(), np.cumsum(lengths)


def hashed(words: tuple[str, ...]) -> np.ndarray:
    """FNV-1a of words by linear probing, as `contains` reads them: uint64 [256]."""
    table = np.zeros(256, np.uint64)
    for word in words:
        h = 14695981039346656037
        for byte in word.encode():
            h = ((h ^ byte) * 1099511628211) & 0xFFFFFFFFFFFFFFFF
        slot = (h >> 20) & 255
        while table[slot]:
            slot = (slot + 1) & 255
        table[slot] = h
    return table
