"""Runs a layer through its compiled kernels, as one torch.autograd.Function."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mstask.errors import NotFusable
from mstask.fused.adjoint import backward_of
from mstask.fused.graph import Step
from mstask.fused.memory import keep_freed_memory
from mstask.fused.numba_kernel import Source, backward_source, compile_kernel, forward_source
from mstask.fused.storage import Plan, plan
from mstask.fused.trace import trace
from mstask.fused.triton_loop import run as run_on_gpu
from mstask.neurons.threads import over_parts

if TYPE_CHECKING:
    from mstask.neurons.base import Neuron

DTYPES = {torch.float32: "float32", torch.float64: "float64"}
CHUNKS = 32
"""Groups of batch rows that sum their coefficient gradients separately: fixed, so that threads don't change the sums."""


@dataclass(frozen=True)
class Compiled:
    """A kernel and the names of its arguments."""

    source: Source
    run: Callable[..., None]
    states: int


class Program:
    """Everything compiled for one neuron type's step; kernels are compiled at first use."""

    def __init__(self, step: Step) -> None:
        keep_freed_memory()
        self.step = step
        self._kernels: dict[tuple, Compiled] = {}
        self._plans: dict[tuple[int, ...], Plan] = {}
        self._lock = threading.RLock()

    def plan(self, wanted: tuple[int, ...]) -> Plan:
        """What a forward pass stores when the coefficients at positions `wanted` need gradients."""
        with self._lock:
            if wanted not in self._plans:
                self._plans[wanted] = plan(self.step, backward_of(self.step, wanted))
            return self._plans[wanted]

    def forward(self, dtype: str, wanted: tuple[int, ...] | None) -> Compiled:
        """The forward kernel; `wanted` None stores nothing."""
        stored = () if wanted is None else self.plan(wanted).stored
        return self._kernel(("forward", dtype, wanted), lambda: forward_source(self.step, stored, dtype), dtype)

    def backward(self, dtype: str, wanted: tuple[int, ...]) -> Compiled:
        """The backward kernel."""
        return self._kernel(("backward", dtype, wanted), lambda: backward_source(self.step, self.plan(wanted), dtype), dtype)

    def _kernel(self, key: tuple, write: Callable[[], Source], dtype: str) -> Compiled:
        if key not in self._kernels:
            with self._lock:
                if key not in self._kernels:
                    source = write()
                    self._kernels[key] = Compiled(source, compile_kernel(source, dtype), len(self.step.states))
        return self._kernels[key]


@functools.cache
def _program(cls: type, coefficients: type, step: Callable, numbers: tuple) -> Program | str:
    """The program of a step, or the reason why it has none."""
    try:
        return Program(trace(cls, coefficients))
    except NotFusable as error:
        return str(error)


def _numbers_used(step: Callable) -> tuple:
    """Module constants and closed-over numbers that the step refers to; a change of one is another step."""
    code = getattr(step, "__code__", None)
    if code is None:
        return ()
    values = {name: step.__globals__.get(name) for name in code.co_names}
    values |= {n: c.cell_contents for n, c in zip(code.co_freevars, step.__closure__ or (), strict=True)}
    return tuple((name, value) for name, value in values.items() if isinstance(value, (bool, int, float)))


def run(neuron: Neuron, drive: Tensor) -> tuple[Tensor, Any]:
    """Run `neuron.step` over drive [B, T, W] from rest; return spikes [B, T, W] and the final state.

    Raises NotFusable when the layer can't be run by the fused loop.
    """
    dtype = DTYPES.get(drive.dtype)
    if drive.device.type not in ("cpu", "cuda") or dtype is None:
        raise NotFusable(
            f"{neuron.name}: the fused loop runs float32 and float64 tensors on the CPU or a CUDA GPU, "
            f"found {str(drive.dtype).removeprefix('torch.')} on {drive.device.type}"
        )
    c = neuron.coefficients(drive.shape[1])
    program = _program(type(neuron), type(c), type(neuron).step, _numbers_used(type(neuron).step))
    if isinstance(program, str):
        raise NotFusable(program)
    coefficients = _checked(neuron, c, drive)
    threshold, slope = neuron.threshold, neuron.surrogate_slope
    if drive.is_cuda:
        spikes, *state = run_on_gpu(program, threshold, slope, drive, coefficients)
    elif torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (drive, *coefficients)):
        spikes, *state = Loop.apply(program, dtype, threshold, slope, drive, *coefficients)
    else:
        spikes, state, _ = _forward(program.forward(dtype, None), threshold, drive, coefficients, 0)
    return spikes, neuron.State(*state)


def _checked(neuron: Neuron, c: Any, drive: Tensor) -> list[Tensor]:
    _, steps, width = drive.shape
    for name, value in zip(c._fields, c, strict=True):
        if value.shape != (width,) and value.shape != (steps, width):
            raise NotFusable(
                f"{neuron.name}: coefficient {name} has shape {tuple(value.shape)}, expected ({width},) or ({steps}, {width})"
            )
        wider = value.dtype != drive.dtype and torch.promote_types(value.dtype, drive.dtype) != drive.dtype
        if wider or value.device != drive.device:
            raise NotFusable(
                f"{neuron.name}: coefficient {name} is {value.dtype} on {value.device}, "
                f"the input {drive.dtype} on {drive.device}"
            )
    return [value.to(drive.dtype) for value in c]


class Loop(torch.autograd.Function):
    """The time loop of one layer."""

    @staticmethod
    def forward(ctx, program, dtype, threshold, slope, drive, *coefficients):
        wanted = tuple(i for i in range(len(coefficients)) if ctx.needs_input_grad[5 + i])
        stored = program.plan(wanted).stored
        spikes, states, kept = _forward(program.forward(dtype, wanted), threshold, drive, coefficients, len(stored))
        inputs = {"drive": drive, "spikes": spikes}
        ctx.kept = [name for name in inputs if name in program.plan(wanted).reads]
        ctx.save_for_backward(*(inputs[name] for name in ctx.kept), *coefficients, *kept)
        ctx.set_materialize_grads(False)
        ctx.program, ctx.wanted, ctx.scalars, ctx.shape = program, wanted, (dtype, threshold, slope), drive.shape
        return spikes, *states

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_spikes, *grad_states):
        dtype, threshold, slope = ctx.scalars
        batch, _, width = ctx.shape
        saved = list(ctx.saved_tensors)
        values: dict[str, Any] = {"slope": _real(slope, dtype), "x_row": 0, "x_step": 0}
        for name in ctx.kept:
            tensor = saved.pop(0)
            values |= _rows("x", tensor) if name == "drive" else {"s": _flat(tensor)}
        count = len(ctx.program.step.coefficients)
        coefficients, kept = saved[:count], saved[count:]
        make = functools.partial(torch.zeros, dtype=getattr(torch, dtype))
        grad_drive = torch.empty(ctx.shape, dtype=getattr(torch, dtype))
        chunks = min(batch, CHUNKS)
        sums = {i: make(chunks, *coefficients[i].shape) for i in ctx.program.plan(ctx.wanted).coefficients}
        values |= _sizes(ctx.shape, threshold, dtype) | _coefficients(coefficients, width) | {"chunks": chunks}
        values |= _rows("g", make(1, 1, width).expand(ctx.shape) if grad_spikes is None else grad_spikes)
        values |= {"dx": _flat(grad_drive)} | {f"k{j}": _flat(value) for j, value in enumerate(kept)}
        for k, grad in enumerate(grad_states):
            own = make(batch, width) if grad is None else grad.clone(memory_format=torch.contiguous_format)
            values[f"l{k}"] = _flat(own)
        for i, total in sums.items():
            values |= {f"d{i}": _flat(total), f"d{i}_size": coefficients[i].numel()}
        _launch(ctx.program.backward(dtype, ctx.wanted), values, chunks, ctx.shape, dtype)
        grads = (sums[i].sum(0) if i in sums else None for i in range(count))
        return None, None, None, None, grad_drive, *grads


def _forward(
    kernel: Compiled, threshold: float, drive: Tensor, coefficients: Any, store: int
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Run the forward kernel: spikes, final states, and the `store` arrays that the backward pass needs."""
    batch, _, width = drive.shape
    dtype = DTYPES[drive.dtype]
    spikes, *kept = (torch.empty(drive.shape, dtype=drive.dtype) for _ in range(1 + store))
    states = [torch.zeros(batch, width, dtype=drive.dtype) for _ in range(kernel.states)]
    values = _sizes(drive.shape, threshold, dtype) | _coefficients(coefficients, width) | _rows("x", drive)
    values |= {"s": _flat(spikes)} | {f"k{j}": _flat(value) for j, value in enumerate(kept)}
    values |= {f"m{k}": _flat(value) for k, value in enumerate(states)}
    _launch(kernel, values, batch, drive.shape, dtype)
    return spikes, states, kept


def _sizes(shape: torch.Size, threshold: float, dtype: str) -> dict[str, Any]:
    batch, steps, width = shape
    return {"B": batch, "T": steps, "W": width, "threshold": _real(threshold, dtype)}


def _coefficients(coefficients: Any, width: int) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for i, value in enumerate(coefficients):
        values |= {f"c{i}": _flat(value.contiguous()), f"c{i}_step": width if value.dim() == 2 else 0}
    return values


def _real(value: float, dtype: str) -> np.floating:
    return getattr(np, dtype)(value)


def _flat(tensor: Tensor) -> np.ndarray:
    return tensor.detach().numpy().reshape(-1)


def _rows(name: str, tensor: Tensor) -> dict[str, Any]:
    """The memory of [B, T, W] as one row of numbers with the strides of batch and time; copied only if W has a stride."""
    if tensor.stride(2) != 1 or tensor.numel() == 0:
        tensor = tensor.contiguous()
    row, step, _ = tensor.stride()
    extent = 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))
    flat = tensor.detach().as_strided((extent if tensor.numel() else 0,), (1,)).numpy()
    return {name: flat, f"{name}_row": row, f"{name}_step": step}


def _launch(kernel: Compiled, values: dict[str, Any], parts: int, shape: torch.Size, dtype: str) -> None:
    """Run the kernel over independent `parts` of the batch, on as many threads as torch uses."""
    if not shape.numel():
        return

    def work(first: int, last: int) -> None:
        own: dict[str, Any] = {f"w{k}": np.empty(shape[2], dtype) for k in range(kernel.source.carriers)}
        own |= {"first": first, "last": last}
        kernel.run(*(own[name] if name in own else values[name] for name in kernel.source.arguments))

    over_parts(work, parts, shape.numel())
