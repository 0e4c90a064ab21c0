"""Licences with words beside them that take away what they give are not permissive."""

import pytest

from castor.filters import spdx
from castor.pipelines.sources import _licence
from castor.pipelines.sources._licence_limits import limited

MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software "
    'and associated documentation files (the "Software"), to deal in the Software without '
    "restriction... The above copyright notice and this permission notice shall be included in all "
    "copies or substantial portions of the Software.\n"
)
APACHE_HEADER = (
    'Licensed under the Apache License, Version 2.0 (the "License"); you may not use this file '
    "except in compliance with the License. You may obtain a copy of the License at\n"
    "http://www.apache.org/licenses/LICENSE-2.0\n"
)


@pytest.mark.parametrize(
    "words",
    [
        "For non-commercial use only.",
        "This software may not be used for commercial purposes.",
        "Commercial use is prohibited.",
        "Free for academic use only.",
        "Licensed solely for personal use.",
        "Redistribution of the binaries is not permitted.",
        "You may not sell copies of this software.",
        "It may not be redistributed.",
        "The following additional terms apply.",
        "It shall not be offered as a managed service.",
        "You may not provide the software to third parties as a hosted service.",
        '"Commons Clause" License Condition v1.0',
        "Commercial licenses are available from Example Inc.",
    ],
)
def test_terms_beside_a_licence(words):
    for text in (f"{MIT}\n{words}\n", f"{words}\n\n{MIT}"):
        for read in (_licence.of_licence_file, _licence.of_header):
            found = read(text)
            assert found is not None
            assert spdx.is_permissive(found) is None, spdx.render(found)


@pytest.mark.parametrize(
    "words",
    [
        "Copyright (c) 2020 Somebody. All rights reserved.",
        "Commercial support is welcome.",
        "Use it for any purpose, commercial or non-commercial.",
        "For non-commercial and commercial use.",
        "This product includes software developed by the Example project.",
        "You may not use this file except in compliance with the License.",
        "",
    ],
)
def test_words_that_take_nothing_away(words):
    found = _licence.of_licence_file(f"{words}\n{MIT}")
    assert found is not None
    assert spdx.render(found) == "MIT"


def test_headers_as_their_licences_recommend_them_are_not_limits():
    found = _licence.of_header(APACHE_HEADER)
    assert found == "Apache-2.0"


def test_what_is_not_permissive_stays():
    assert limited("GPL-2.0-only", "for non commercial use") == "GPL-2.0-only"


def test_an_option_of_later_versions_is_no_choice_between_licences():
    gpl = (
        "Parts are under the GNU General Public License as published by the Free Software "
        "Foundation; either version 2 of the License, or (at your option) any later version."
    )
    found = _licence.of_licence_file(f"{MIT}\n{gpl}\n")
    assert found is not None
    assert spdx.is_permissive(found) is False


ISC = (
    "Permission to use, copy, modify, and/or distribute this software for any purpose with or "
    'without fee is hereby granted{}.\nTHE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS '
    "ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL IMPLIED WARRANTIES OF "
    "MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT, "
    "INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA "
    "OR PROFITS, WHETHER IN AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING "
    "OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF THIS SOFTWARE.\n"
)


@pytest.mark.parametrize(
    ("clause", "expected"),
    [
        ("", "0BSD"),
        (
            ", provided that the above copyright notice and this permission notice appear in all "
            "copies",
            "ISC",
        ),
    ],
)
def test_one_clause_tells_two_licences_apart(clause, expected):
    assert _licence.of_licence_file(ISC.format(clause)) == expected
