"""Licences by their names: what is understood, and that nothing else is permissive."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from castor.filters import spdx
from castor.pipelines.sources import _licence, _licence_tree
from castor.pipelines.sources._licence_names import name_at, of_name

MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software "
    'and associated documentation files (the "Software"), to deal in the Software without '
    "restriction... The above copyright notice and this permission notice shall be included in all "
    "copies or substantial portions of the Software."
)


def told(expression):
    return None if expression is None else spdx.render(expression)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MIT", "MIT"),
        ("The MIT License (MIT)", "MIT"),
        ("MIT + file LICENSE", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("Apache 2", "Apache-2.0"),
        ('BSD 3-Clause "New" License', "BSD-3-Clause"),
        ("Boost Software License 1.0", "BSL-1.0"),
        ("Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"),
        ("GNU GPL v3 or later", "GPL-3.0-or-later"),
        ("MIT and GPLv2", "MIT AND GPL-2.0-only"),
        ("MIT, MPL 2.0", "MIT AND MPL-2.0"),
        ("ISC or the MIT License", "ISC OR MIT"),
        ("Apache-2.0 WITH LLVM-exception", "Apache-2.0 WITH LLVM-exception"),
        ("GPL-3.0 WITH Classpath-exception-2.0", "GPL-3.0-only WITH Classpath-exception-2.0"),
        ("BSL 1.1", "BUSL-1.1"),
        ("Business Source License 1.1", "BUSL-1.1"),
        ("Server Side Public License", "SSPL-1.0"),
        ("Elastic License", "Elastic-2.0"),
        ("BSD", None),
        ("MIT-like", None),
        ("MIT (ISC)", None),
        ("", None),
    ],
)
def test_names(name, expected):
    assert told(of_name(name)) == expected


@pytest.mark.parametrize(
    "stated",
    [
        "MIT AND Commercial",
        "MIT AND LicenseRef-Foo",
        "MIT WITH Commons-Clause",
        "MIT with Commons Clause",
        "MIT (non-commercial use only)",
        "MIT No AI License",
        "MIT, Foo",
        "MIT and Foo",
        "Apache 2.0 plus terms",
        "Apache-2.1",
        "BSL-1.1",
        "Proprietary",
        "UNLICENSED",
    ],
)
def test_what_is_not_understood_as_a_whole_is_not_permissive(stated):
    text = json.dumps({"license": stated})
    found, expression = _licence_tree.of_metadata("package.json", text)
    assert found
    assert expression is None or spdx.is_permissive(expression) is not True


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("MIT license and was written by A", "MIT"),
        ("MIT and GPL-2.0 licenses", "MIT AND GPL-2.0-only"),
        ("MIT or GPL-2.0 license", "MIT OR GPL-2.0-only"),
        ("MIT license and the Foo Proprietary License", "MIT AND LicenseRef-Unknown"),
        ("Apache License 2.0 with Commons Clause", "Apache-2.0 AND LicenseRef-Unknown"),
        ("terms of somebody", None),
    ],
)
def test_names_in_a_sentence(sentence, expected):
    assert told(name_at(sentence)) == expected


@pytest.mark.parametrize(
    ("text", "permissive"),
    [
        ("# SPDX-License-Identifier: Proprietary - see LICENSE\n", None),
        ("// SPDX-License-Identifier: MIT\n// SPDX-License-Identifier: see docs\n", None),
        ("// SPDX-License-Identifier: MIT AND (unclear\n", None),
        ("/* SPDX-License-Identifier: (GPL-2.0 WITH Linux-syscall-note) OR MIT */", True),
        ("# SPDX-License-Identifier: MIT WITH Commons-Clause\n", None),
    ],
)
def test_a_tag_that_is_no_expression_states_unknown_terms(text, permissive):
    found = _licence.of_tags(text)
    assert found is not None
    assert spdx.is_permissive(found) is permissive


@pytest.mark.parametrize(
    "notice",
    [
        "Copyright A Corp. Proprietary and confidential.",
        "Unauthorized copying of this file, via any medium, is strictly prohibited.",
        "This file may not be redistributed.",
        "Redistribution of this source in any form is not permitted.",
        "No part of this source file may be reproduced.",
        "Licensed under a commercial license.",
        "Licensed under BSL 1.1",
    ],
)
def test_a_header_that_gives_nothing_is_not_permissive(notice):
    found = _licence.of_header(f"// {notice}\n\nint a;\n")
    assert found is not None
    assert spdx.is_permissive(found) is not True


@pytest.mark.parametrize(
    "text",
    [
        "// Copyright 2020 A. All rights reserved.\n",
        "# checks that no two keys may be equal\n",
        "# governed by a licence that can be found in the LICENSE file\n",
        "def unauthorized(): return 401\n",
        "raise PermissionError('confidential')\n",
    ],
)
def test_headers_that_leave_it_to_the_licence_file(text):
    assert _licence.of_header(text) is None


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"LICENSE": "Words that nobody knows.", "COPYING": MIT}, None),
        ({"COPYING": "For the terms see LICENSE.", "LICENSE": MIT}, "MIT"),
        ({"COPYING": "For the terms see LICENSE." + " or ask us" * 50, "LICENSE": MIT}, None),
        ({"LICENSE": MIT, "LICENSE-3rdparty.txt": "of others"}, "MIT"),
        ({"LICENSE": "MIT License\n\nCopyright (c) 2020 A"}, "MIT"),
        ({"LICENSE": "MIT License\n\n" + "and other words " * 50}, None),
        ({"LICENSE": "MIT No Resale License\n\nCopyright (c) 2020 A"}, None),
    ],
)
def test_a_licence_file_that_is_not_understood_is_not_outvoted(files, expected):
    stated = _licence_tree.of_folder("", files)
    assert stated is not None
    assert stated.licence == expected


PIECES = st.sampled_from(
    ["MIT", "Apache-2.0", "GPL-3.0", "Foo", "and", "or", "AND", "OR", "WITH", "with", "(", ")", ",",
     "no", "License", "2.0", "Commons", "+", "/"]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=5).map(" ".join))
def test_words_that_bind_beside_a_known_name_are_never_dropped(text):
    """With an unknown word that is no free choice, nothing is permissive."""
    found = of_name(text)
    words = text.lower().split()
    if found is not None and {"foo", "no", "commons"} & set(words) and "or" not in words:
        assert spdx.is_permissive(found) is not True


def test_a_sentence_more_is_another_licence_and_holders_alone_are_none():
    evil = f"{MIT}\nThe Software shall be used for Good, not Evil.\n"
    assert told(_licence.of_header(evil)) == "JSON"
    assert _licence_tree.of_folder("", {"COPYRIGHT": "Copyright 2020 somebody"}) is None
