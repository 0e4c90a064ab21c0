"""Kinds of classifiers are found by the names of their files."""

import pytest

from castor.filters.errors import ConfigError
from castor.pipelines.classifiers import _kinds


def test_every_kind_keeps_the_contract():
    assert _kinds.names()
    for name in _kinds.names():
        kind = _kinds.load(name)
        assert kind.HELP.strip()
        assert callable(kind.train)
        assert callable(kind.evaluate)


def test_an_unknown_kind_is_an_error():
    with pytest.raises(ConfigError, match="no kind of classifier named 'fasttxt'"):
        _kinds.load("fasttxt")
