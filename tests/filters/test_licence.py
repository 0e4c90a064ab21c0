"""Licences: expressions are read and judged by SPDX's rules, and the gate trusts no silence."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from castor.filters import policy, spdx
from castor.filters.annotators.licence import licence
from castor.filters.record import Modality, Record, to_batch


@pytest.mark.parametrize(
    ("text", "written", "permissive", "copyleft"),
    [
        ("MIT", "MIT", True, False),
        ("mit", "MIT", True, False),
        ("GPL-2.0", "GPL-2.0-only", False, True),
        ("gpl-3.0+", "GPL-3.0-or-later", False, True),
        ("Apache-2.0 OR MIT", "Apache-2.0 OR MIT", True, False),
        ("GPL-2.0-only OR MIT", "GPL-2.0-only OR MIT", True, False),
        ("GPL-2.0-only AND MIT", "GPL-2.0-only AND MIT", False, True),
        ("MIT AND LicenseRef-x", "MIT AND LicenseRef-x", None, None),
        ("MIT OR LicenseRef-x", "MIT OR LicenseRef-x", True, False),
        ("GPL-3.0-only AND LicenseRef-x", "GPL-3.0-only AND LicenseRef-x", False, True),
        ("LicenseRef-x", "LicenseRef-x", None, None),
        ("CC-BY-NC-4.0", "CC-BY-NC-4.0", False, False),
        ("CC-BY-SA-4.0", "CC-BY-SA-4.0", False, True),
        (
            "GPL-2.0-only WITH Classpath-exception-2.0",
            "GPL-2.0-only WITH Classpath-exception-2.0",
            False,
            True,
        ),
        ("Apache-2.0 WITH LLVM-exception", "Apache-2.0 WITH LLVM-exception", True, False),
        ("MIT OR GPL-2.0 AND BSD-3-Clause", "MIT OR (GPL-2.0-only AND BSD-3-Clause)", True, False),
        ("(MIT OR GPL-2.0) AND ISC", "(MIT OR GPL-2.0-only) AND ISC", True, False),
        ("MIT OR MIT", "MIT", True, False),
    ],
)
def test_expressions(text, written, permissive, copyleft):
    expression = spdx.parse(text)
    assert spdx.render(expression) == written
    assert spdx.is_permissive(expression) is permissive
    assert spdx.is_copyleft(expression) is copyleft


@pytest.mark.parametrize("text", ["", "MIT AND", "OR", "(MIT", "MIT)", "MIT MIT", "MIT;", "(" * 99])
def test_what_is_no_expression(text):
    assert spdx.parse(text) is None


@given(st.text(alphabet="MITGPLandorwh0123.-+() ", max_size=60))
def test_what_is_written_reads_the_same(text):
    expression = spdx.parse(text)
    if expression is not None:
        assert spdx.parse(spdx.render(expression)) == expression


def test_the_lists_do_not_overlap():
    assert not spdx.PERMISSIVE & spdx.COPYLEFT
    assert len(spdx.PERMISSIVE) == 152  # 1 model, 1 gold, 30 silver, 120 bronze


def rows(*licences):
    return to_batch(
        Record(
            key=f"s:{i}",
            source="s",
            modality=Modality.CODE,
            text="x",
            meta={} if stated is None else {"licence": stated},
        )
        for i, stated in enumerate(licences)
    )


def test_signals_are_null_where_nothing_is_known():
    found = licence.annotate(rows("MIT", "GPL-3.0-only", None, "LicenseRef-x", "not an expression"))
    assert found.column("licence.permissive").to_pylist() == [True, False, None, None, None]
    assert found.column("licence.copyleft").to_pylist() == [False, True, None, None, None]
    assert found.column("licence.error").null_count == 5


def test_the_gate_keeps_only_what_is_permissive():
    batch = rows("MIT", "AGPL-3.0-only", None, "Apache-2.0 OR GPL-2.0-only", "LicenseRef-x")
    signals = licence.annotate(batch)
    joined = pa.RecordBatch.from_arrays(
        [*batch.columns, *signals.columns], names=[*batch.schema.names, *signals.schema.names]
    )
    gate = policy.load("code/permissive")
    policy.check(gate, joined.schema)
    reason = "code.licence_not_permissive"
    expected = [[], [reason], [f"{reason}:missing"], [], [f"{reason}:missing"]]
    assert gate.decide(joined).to_pylist() == expected
