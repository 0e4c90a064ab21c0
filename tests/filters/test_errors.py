"""What an error says, and that it says it in another process too."""

import pickle

import pytest

from castor.filters import errors


def test_an_error_says_what_where_got_and_what_to_do():
    error = errors.CastorError("no rows", where="a.jsonl", got=0, fix="check the path")
    assert str(error) == "no rows, in a.jsonl: got 0\n  -> check the path"
    assert str(errors.CastorError("no rows")) == "no rows"


@pytest.mark.parametrize(
    ("cls", "code"),
    [(errors.CastorError, 1), (errors.ConfigError, 2), (errors.GateError, 3)],
)
def test_exit_codes_and_pickles(cls, code):
    error = cls("a", where="b", got="c", fix="d")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls
    assert str(copy) == str(error)
    assert copy.exit_code == code


def test_an_unknown_name_names_the_nearest():
    error = errors.unknown_name("signal", "text.n_wrods", ["text.n_words", "a"], where="p.yaml")
    assert isinstance(error, errors.ConfigError)
    assert "no signal named 'text.n_wrods', in p.yaml" in str(error)
    assert "did you mean 'text.n_words'? Known: a, text.n_words" in str(error)
    assert str(errors.unknown_name("x", "q", ["long"])).endswith("-> known: long")
    assert str(errors.unknown_name("x", "q", [])).endswith("-> known: none")
