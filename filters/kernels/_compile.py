"""Compiles a kernel for one signature, cached on disk until any kernel's source changes."""

from __future__ import annotations

import functools
import hashlib
import pathlib
from collections.abc import Callable
from typing import Any

import numba as nb
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

U8 = nb.types.Array(nb.uint8, 1, "C", readonly=True)
U16 = nb.types.Array(nb.uint16, 1, "C", readonly=True)
U32 = nb.types.Array(nb.uint32, 1, "C", readonly=True)
U64 = nb.types.Array(nb.uint64, 1, "C", readonly=True)
I32 = nb.types.Array(nb.int32, 1, "C", readonly=True)
I64 = nb.types.Array(nb.int64, 1, "C", readonly=True)
LANES = 16  # bytes that are looked at together


@intrinsic
def load64(typingctx: Any, data: Any, i: Any) -> Any:
    """The 8 bytes of a uint8 array from byte i on as one little-endian number, unaligned.

    Reads memory without a check: the caller knows that i + 8 bytes are there.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        pointer = builder.gep(array.data, [args[1]])
        word = context.get_value_type(types.uint64)
        return builder.load(builder.bitcast(pointer, word.as_pointer()), align=1)

    return types.uint64(data, types.int64), codegen


@intrinsic
def store64(typingctx: Any, data: Any, i: Any, value: Any) -> Any:
    """Writes a number over 8 bytes of a uint8 array from byte i on; unaligned, unchecked."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        pointer = builder.gep(array.data, [args[1]])
        word = context.get_value_type(types.uint64)
        builder.store(args[2], builder.bitcast(pointer, word.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(data, types.int64, types.uint64), codegen


@intrinsic
def at(typingctx: Any, data: Any, i: Any) -> Any:
    """data[i] for an i that is known to be in the array: Numba's own test for i < 0 is left out."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        return builder.load(builder.gep(array.data, [args[1]]))

    return data.dtype(data, types.int64), codegen


@intrinsic
def put(typingctx: Any, data: Any, i: Any, value: Any) -> Any:
    """data[i] = value for an i that is known to be in the array; value has the array's type."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, args[0])
        builder.store(args[2], builder.gep(array.data, [args[1]]))
        return context.get_dummy_value()

    return types.void(data, types.int64, data.dtype), codegen


@intrinsic
def trailing_zeros(typingctx: Any, value: Any) -> Any:
    """How many low bits of a uint64 are 0; 64 of 0."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], context.get_constant(types.boolean, False))

    return types.uint64(types.uint64), codegen


def _first_outside(
    context: Any, builder: Any, data: Any, args: Any, inside: Callable[..., Any]
) -> Any:
    """The place of the first of LANES bytes from args[1] on that is not inside; LANES if none."""
    array = context.make_array(data)(context, builder, args[0])
    lanes = ir.VectorType(ir.IntType(8), LANES)
    pointer = builder.bitcast(builder.gep(array.data, [args[1]]), lanes.as_pointer())

    def all_(byte: int) -> Any:
        return ir.Constant(lanes, [byte] * LANES)

    tests = inside(builder, builder.load(pointer, align=1), all_)
    bits = builder.zext(builder.bitcast(tests, ir.IntType(LANES)), ir.IntType(64))
    return builder.cttz(builder.not_(bits), context.get_constant(types.boolean, False))


@intrinsic
def letters_from(typingctx: Any, data: Any, i: Any) -> Any:
    """How many ASCII letters stand at byte i, up to LANES; that many bytes are read, unchecked."""

    def inside(builder: Any, bytes_: Any, all_: Any) -> Any:
        place = builder.sub(builder.or_(bytes_, all_(32)), all_(97))
        return builder.icmp_unsigned("<", place, all_(26))

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _first_outside(context, builder, signature.args[0], args, inside)

    return types.int64(data, types.int64), codegen


@intrinsic
def solid_from(typingctx: Any, data: Any, i: Any) -> Any:
    """How many bytes from byte i on can begin no white space, as `letters_from`."""

    def inside(builder: Any, bytes_: Any, all_: Any) -> Any:
        place = builder.sub(bytes_, all_(0xE1))
        first = builder.and_(
            builder.icmp_unsigned(">", bytes_, all_(32)),
            builder.icmp_unsigned("!=", bytes_, all_(0xC2)),
        )
        return builder.and_(first, builder.icmp_unsigned(">", place, all_(2)))

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _first_outside(context, builder, signature.args[0], args, inside)

    return types.int64(data, types.int64), codegen


# A function that only compiled ones call: without the entries that Python and C would need. A call
# that stays a call passes every array as seven numbers, a table of them as dozens: what runs once
# per word is `inlined`, put into its caller.
inner = nb.njit(nogil=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True)
inlined = nb.njit(
    nogil=True, _nrt=False, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True
)


@functools.cache
def stamp(folder: pathlib.Path) -> str:
    """Digest of the sources of the kernels here and of those in a folder of their own."""
    digest = hashlib.blake2b(digest_size=16)
    for each in sorted({pathlib.Path(__file__).parent, folder}):
        for path in sorted(each.glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def kernel(signature: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Compiles the decorated function at import, for this signature only.

    Numba's own cache looks at the time stamp of the one file that defines a function, so a
    change in a helper of another file would go unnoticed. Here the stamp is a digest of all
    sources in this folder and in the folder of the function.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        dispatcher = nb.njit(nogil=True, _nrt=False)(function)
        dispatcher.enable_caching()
        folder = pathlib.Path(function.__code__.co_filename).parent
        dispatcher._cache._cache_file._source_stamp = stamp(folder)
        dispatcher.compile(signature)
        dispatcher.disable_compile()
        return dispatcher

    return decorate
