"""The kinds of personal data that are looked for, and the mask of each."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping

from castor.filters.annotators import _lists
from castor.filters.errors import ConfigError, unknown_name


class Kind(enum.StrEnum):
    """A kind of personal data; the order is the one of the codes that the kernels use."""

    EMAIL = "email"
    PHONE = "phone"
    IP = "ip"
    CREDIT_CARD = "credit_card"
    IBAN = "iban"
    KEY = "key"
    SOCIAL_SECURITY = "social_security"
    COORDINATES = "coordinates"
    CREDENTIALS = "credentials"
    USERNAME = "username"


KINDS = tuple(Kind)

# The first three are Dolma's (Soldaini et al. 2024, arXiv:2402.00159); the others follow them.
MASKS = {
    Kind.EMAIL: "|||EMAIL_ADDRESS|||",
    Kind.PHONE: "|||PHONE_NUMBER|||",
    Kind.IP: "|||IP_ADDRESS|||",
    Kind.CREDIT_CARD: "|||CREDIT_CARD|||",
    Kind.IBAN: "|||IBAN|||",
    Kind.KEY: "|||KEY|||",
    Kind.SOCIAL_SECURITY: "|||SOCIAL_SECURITY_NUMBER|||",
    Kind.COORDINATES: "|||COORDINATES|||",
    Kind.CREDENTIALS: "|||URL_WITH_PASSWORD|||",
    Kind.USERNAME: "|||USERNAME|||",
}


def checked(
    options: Mapping[str, object], where: str, default: Iterable[Kind] = KINDS
) -> dict[str, list[str]]:
    """The options of what looks for personal data: `kinds`, each once, in the order of `KINDS`.

    Raises:
        ConfigError: an option or a kind is unknown, or there is none.
    """
    names = _lists.checked(options, {"kinds"}, where).get("kinds", [str(k) for k in default])
    for name in names:
        if name not in KINDS:
            raise unknown_name("kind of personal data", name, map(str, KINDS), where=where)
    if not names:
        raise ConfigError("no kind of personal data", where=where, fix="leave `kinds` out for all")
    return {"kinds": [str(k) for k in KINDS if k in names]}
