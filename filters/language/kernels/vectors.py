"""The two inner steps of scoring, as vector instructions: find a feature, add its list.

LLVM makes of them what the processor has (AVX-512, AVX2, NEON or plain code); a loop over
scalars, with its branches that cannot be foretold, took twice the time.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

SLOTS = 8  # of a bucket
TAG_BITS = 15
LANES = 64  # languages of one script at most
LIST_BYTES = LANES // 2
LOWEST = 5  # a weight of v > 0 in a list stands for v + LOWEST steps

_I1, _I8, _I16 = ir.IntType(1), ir.IntType(8), ir.IntType(16)
_I32, _I64 = ir.IntType(32), ir.IntType(64)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, place: Any, to: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), to.as_pointer())


@intrinsic
def find(typingctx: Any, table: Any, place: Any, tag: Any) -> Any:
    """The list number of the feature with this tag in the bucket at table[place], or 0.

    Args:
        table: uint32 [n_buckets * SLOTS]; a slot is list number << TAG_BITS | tag.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = ir.VectorType(_I32, SLOTS)
        nothing = ir.Constant(vector, ir.Undefined)
        where = _pointer(context, builder, signature.args[0], args[0], args[1], vector)
        slots = builder.load(where, align=4)
        tags = builder.and_(slots, ir.Constant(vector, [(1 << TAG_BITS) - 1] * SLOTS))
        one = builder.insert_element(nothing, args[2], ir.Constant(_I32, 0))
        every = ir.Constant(ir.VectorType(_I32, SLOTS), [0] * SLOTS)
        wanted = builder.shuffle_vector(one, nothing, every)
        same = builder.bitcast(builder.icmp_unsigned("==", tags, wanted), _I8)
        none = builder.icmp_unsigned("==", same, ir.Constant(_I8, 0))
        last = builder.or_(builder.zext(same, _I64), ir.Constant(_I64, 1 << SLOTS - 1))
        slot = builder.cttz(last, ir.Constant(_I1, 1))
        first = builder.bitcast(where, _I32.as_pointer())
        number = builder.lshr(builder.load(builder.gep(first, [slot])), ir.Constant(_I32, TAG_BITS))
        return builder.select(none, ir.Constant(_I32, 0), number)

    return types.uint32(table, types.int64, types.uint32), codegen


@intrinsic
def add_list(typingctx: Any, scores: Any, first: Any, lists: Any, place: Any) -> Any:
    """Adds the list at byte lists[place] to scores[first : first + LANES].

    Args:
        scores: uint16; in steps.
        lists: uint8; a list is LIST_BYTES bytes, low halves lanes 0 to 31, high halves the rest.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        half = LANES // 2
        bytes_, words = ir.VectorType(_I8, half), ir.VectorType(_I16, half)
        zero, base = ir.Constant(bytes_, [0] * half), ir.Constant(bytes_, [LOWEST] * half)
        where = _pointer(context, builder, signature.args[2], args[2], args[3], bytes_)
        packed = builder.load(where, align=1)
        low = builder.and_(packed, ir.Constant(bytes_, [15] * half))
        high = builder.lshr(packed, ir.Constant(bytes_, [4] * half))
        for k, weights in enumerate((low, high)):
            named = builder.icmp_unsigned("!=", weights, zero)
            steps = builder.select(named, builder.add(weights, base), zero)
            place = builder.add(args[1], ir.Constant(_I64, k * half))
            into = _pointer(context, builder, signature.args[0], args[0], place, words)
            total = builder.add(builder.load(into, align=2), builder.zext(steps, words))
            builder.store(total, into, align=2)
        return context.get_dummy_value()

    return types.void(scores, types.int64, lists, types.int64), codegen
