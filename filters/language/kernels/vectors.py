"""The inner steps of scoring, as vector instructions: find a feature, add up lists.

LLVM makes of them what the processor has (AVX-512, AVX2, NEON or plain code); a loop over
scalars, with its branches that cannot be foretold, took twice the time.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

SLOTS = 8  # of a bucket
TAG_BITS = 15
LANES = 64  # languages of one script at most
LIST_BYTES = LANES // 2
LOWEST = 5  # a weight of v > 0 in a list stands for v + LOWEST steps
GROUP = 12  # lists whose weights fit in a byte together: 12 * (15 + LOWEST) < 256
ALIGNED = 64  # bytes of a cache line; no bucket and no list lies on two

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
        slots = builder.load(where, align=4 * SLOTS)
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
def prefetch(typingctx: Any, array: Any, place: Any) -> Any:
    """Asks for the cache line of array[place], which is looked at soon."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte = ir.IntType(8).as_pointer()
        where = _pointer(context, builder, signature.args[0], args[0], args[1], _I8)
        kind = ir.FunctionType(ir.VoidType(), [byte, _I32, _I32, _I32])
        hint = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
        # for reading, to be kept in every cache, data
        builder.call(hint, [where, *(ir.Constant(_I32, k) for k in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(array, types.int64), codegen


@intrinsic
def add_lists(
    typingctx: Any, scores: Any, first: Any, lists: Any, numbers: Any, start: Any, stop: Any
) -> Any:
    """Adds the lists of numbers[start:stop] to scores[first : first + LANES].

    The sums of GROUP lists fit in a byte, so a list costs a few instructions on 32 lanes each.

    Args:
        scores: uint16; in steps.
        lists: uint8; a list is LIST_BYTES bytes, low halves lanes 0 to 31, high halves the rest.
        numbers: uint32.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        half = LANES // 2
        bytes_, words = ir.VectorType(_I8, half), ir.VectorType(_I16, half)
        zero, base = ir.Constant(bytes_, [0] * half), ir.Constant(bytes_, [LOWEST] * half)
        every = context.make_array(signature.args[3])(context, builder, args[3]).data
        sums = [cgutils.alloca_once(builder, bytes_) for _ in range(2)]
        totals, places = [cgutils.alloca_once(builder, words) for _ in range(2)], []
        for k, total in enumerate(totals):
            place = builder.add(args[1], ir.Constant(_I64, k * half))
            places.append(_pointer(context, builder, signature.args[0], args[0], place, words))
            builder.store(builder.load(places[k], align=2), total)
        step = ir.Constant(_I64, GROUP)
        with cgutils.for_range_slice(builder, args[4], args[5], step, _I64) as (k, _):
            for each in sums:
                builder.store(zero, each)
            end = builder.add(k, step)
            end = builder.select(builder.icmp_signed("<", end, args[5]), end, args[5])
            one = ir.Constant(_I64, 1)
            with cgutils.for_range_slice(builder, k, end, one, _I64) as (j, _):
                number = builder.zext(builder.load(builder.gep(every, [j])), _I64)
                place = builder.mul(number, ir.Constant(_I64, LIST_BYTES))
                where = _pointer(context, builder, signature.args[2], args[2], place, bytes_)
                packed = builder.load(where, align=LIST_BYTES)
                low = builder.and_(packed, ir.Constant(bytes_, [15] * half))
                high = builder.lshr(packed, ir.Constant(bytes_, [4] * half))
                for each, weights in zip(sums, (low, high), strict=True):
                    named = builder.icmp_unsigned("!=", weights, zero)
                    steps = builder.select(named, builder.add(weights, base), zero)
                    builder.store(builder.add(builder.load(each), steps), each)
            for each, total in zip(sums, totals, strict=True):
                wide = builder.zext(builder.load(each), words)
                builder.store(builder.add(builder.load(total), wide), total)
        for place, total in zip(places, totals, strict=True):
            builder.store(builder.load(total), place, align=2)
        return context.get_dummy_value()

    return types.void(scores, types.int64, lists, numbers, types.int64, types.int64), codegen
