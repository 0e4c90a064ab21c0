"""Secrets in code."""

import pytest

from castor.filters.errors import ConfigError
from castor.filters.record import Modality, Record, to_batch
from castor.filters.registry import load

SECRETS = load("rewriter", "mask_secrets")
# Made up here, in pieces, so that no scanner takes this file for a leak.
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" + "k1L2m3N4o5P6q7R8"


def test_keys_passwords_and_addresses_are_masked_and_code_stays():
    text = (
        f'token = "{TOKEN}"\n'
        "url = 'https://admin:hunter2secret@db.example.com/x'\n"
        "author = 'jane.doe@example.com'\n"
        "HOST, VERSION = '8.8.8.8', '1.2.3.4'\nphone = '+1 202-555-0143'\n"
    )
    found, edits = SECRETS(text)
    assert TOKEN not in found
    assert "hunter2secret" not in found
    assert "jane.doe" not in found
    assert "'8.8.8.8', '1.2.3.4'" in found
    assert "+1 202-555-0143" in found
    assert found.count("|||") == 2 * len(edits) == 6


def test_the_kinds_can_be_chosen():
    found, _ = SECRETS("a@example.com 8.8.8.8", {"kinds": ["ip"]})
    assert found == "a@example.com |||IP_ADDRESS|||"
    with pytest.raises(ConfigError, match="kind of personal data"):
        SECRETS.check({"kinds": ["keys"]})


def test_only_code_is_masked():
    rows = [Record(str(m), "s", m, f"t = '{TOKEN}'") for m in (Modality.CODE, Modality.TEXT)]
    _, counts = SECRETS.rewrite(to_batch(rows))
    assert counts.to_pylist() == [1, None]
