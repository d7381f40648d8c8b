"""A word for numba kernels: ask for a cache line ahead of its use, as processors don't foresee time running backward."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

BYTE = ir.IntType(8).as_pointer()
NUMBER = ir.IntType(32)


@intrinsic
def prefetch(typing_context, array, index):
    """prefetch(array, index): start loading the cache line of array[index]."""

    def generate(context, builder, signature, arguments):
        data = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(data, [arguments[1]]), BYTE)
        kind = ir.FunctionType(ir.VoidType(), [BYTE, NUMBER, NUMBER, NUMBER])
        function = builder.module.declare_intrinsic("llvm.prefetch", [BYTE], kind)
        builder.call(function, [address, NUMBER(0), NUMBER(3), NUMBER(1)])
        return context.get_dummy_value()

    return types.void(array, types.uint64), generate
