"""Runs a layer through its compiled kernels, as one torch.autograd.Function."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mstask.neurons.fused.adjoint import backward_of
from mstask.neurons.fused.graph import NotFusable, Step
from mstask.neurons.fused.numba_kernel import Source, backward_source, compile_kernel, forward_source
from mstask.neurons.fused.storage import Plan, plan
from mstask.neurons.fused.trace import trace

if TYPE_CHECKING:
    from mstask.neurons.base import Neuron

DTYPES = {torch.float32: "float32", torch.float64: "float64"}
CHUNKS = 32
"""Groups of batch rows that sum their coefficient gradients separately: fixed, so that threads don't change the sums."""

SMALL = 1 << 15
"""Elements below which a second thread costs more than it saves."""


@dataclass(frozen=True)
class Compiled:
    """A kernel and the names of its arguments."""

    source: Source
    run: Callable[..., None]


class Program:
    """Everything compiled for one neuron type's step; kernels are compiled at first use."""

    def __init__(self, step: Step) -> None:
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
        return self._kernel(
            ("backward", dtype, wanted), lambda: backward_source(self.step, self.plan(wanted), dtype), dtype
        )

    def _kernel(self, key: tuple, write: Callable[[], Source], dtype: str) -> Compiled:
        if key not in self._kernels:
            with self._lock:
                if key not in self._kernels:
                    source = write()
                    self._kernels[key] = Compiled(source, compile_kernel(source, dtype))
        return self._kernels[key]


@functools.lru_cache(maxsize=None)
def _program(cls: type, coefficients: type, step: Callable, numbers: tuple) -> Program | NotFusable:
    try:
        return Program(trace(cls, coefficients))
    except NotFusable as error:
        return error


def _numbers_used(step: Callable) -> tuple:
    """Module constants and closed-over numbers that the step refers to; a change of one is another step."""
    code = step.__code__
    values = {name: step.__globals__.get(name) for name in code.co_names}
    values |= {n: c.cell_contents for n, c in zip(code.co_freevars, step.__closure__ or (), strict=True)}
    return tuple((name, value) for name, value in values.items() if isinstance(value, (bool, int, float)))


def run(neuron: Neuron, drive: Tensor) -> tuple[Tensor, Any]:
    """Run `neuron.step` over drive [B, T, W] from rest; return spikes [B, T, W] and the final state.

    Raises NotFusable when the layer can't be run by the fused loop.
    """
    dtype = DTYPES.get(drive.dtype)
    if drive.device.type != "cpu" or dtype is None:
        raise NotFusable(
            f"{neuron.name}: the fused loop runs float32 and float64 tensors on the CPU, "
            f"found {str(drive.dtype).removeprefix('torch.')} on {drive.device.type}"
        )
    c = neuron.coefficients(drive.shape[1])
    program = _program(type(neuron), type(c), type(neuron).step, _numbers_used(type(neuron).step))
    if isinstance(program, NotFusable):
        raise program
    coefficients = _checked(neuron, c, drive)
    threshold, slope = neuron.threshold, neuron.surrogate_slope
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (drive, *coefficients)):
        spikes, *state = Loop.apply(program, dtype, threshold, slope, drive, *coefficients)
    else:
        spikes, state, _ = _forward(program.forward(dtype, None), program, threshold, drive, coefficients, 0)
    return spikes, neuron.State(*state)


def _checked(neuron: Neuron, c: tuple[Tensor, ...], drive: Tensor) -> list[Tensor]:
    _, steps, width = drive.shape
    for name, value in zip(c._fields, c, strict=True):
        if tuple(value.shape) not in ((width,), (steps, width)):
            raise NotFusable(
                f"{neuron.name}: coefficient {name} has shape {tuple(value.shape)}, expected ({width},) or ({steps}, {width})"
            )
        if torch.promote_types(value.dtype, drive.dtype) != drive.dtype or value.device != drive.device:
            raise NotFusable(
                f"{neuron.name}: coefficient {name} is {value.dtype} on {value.device}, the input {drive.dtype} on {drive.device}"
            )
    return [value.to(drive.dtype) for value in c]


class Loop(torch.autograd.Function):
    """The time loop of one layer."""

    @staticmethod
    def forward(ctx, program, dtype, threshold, slope, drive, *coefficients):
        wanted = tuple(i for i, value in enumerate(coefficients) if value.requires_grad)
        stored_count = len(program.plan(wanted).stored)
        spikes, states, stored = _forward(
            program.forward(dtype, wanted), program, threshold, drive, coefficients, stored_count
        )
        ctx.save_for_backward(drive, spikes, *coefficients, *stored)
        ctx.set_materialize_grads(False)
        ctx.program, ctx.wanted, ctx.scalars = program, wanted, (dtype, threshold, slope)
        return spikes, *states

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_spikes, *grad_states):
        dtype, threshold, slope = ctx.scalars
        count = len(ctx.program.step.coefficients)
        drive, spikes, *saved = ctx.saved_tensors
        batch, steps, width = drive.shape
        chunks = min(batch, CHUNKS)
        kernel = ctx.program.backward(dtype, ctx.wanted)
        values = _inputs(drive, saved[:count], threshold) | {"slope": _real(slope, drive), "chunks": chunks}
        values |= {"s": _flat(spikes)} | {f"k{j}": _flat(value) for j, value in enumerate(saved[count:])}
        if grad_spikes is None:
            grad_spikes = drive.new_zeros(1, 1, width).expand(batch, steps, width)
        values["g"], values["g_row"], values["g_step"] = _rows(grad_spikes)
        grad_drive = torch.empty(drive.shape, dtype=drive.dtype)
        values["dx"] = _flat(grad_drive)
        for k, grad in enumerate(grad_states):
            own = drive.new_zeros(batch, width) if grad is None else grad.clone(memory_format=torch.contiguous_format)
            values[f"l{k}"] = _flat(own)
        sums = {i: drive.new_zeros(chunks, *saved[i].shape) for i in ctx.wanted}
        for i, total in sums.items():
            values[f"d{i}"], values[f"d{i}_size"] = _flat(total), saved[i].numel()
        _launch(kernel, values, chunks, drive)
        grads = (sums[i].sum(0) if i in sums else None for i in range(count))
        return None, None, None, None, grad_drive, *grads


def _forward(
    kernel: Compiled, program: Program, threshold: float, drive: Tensor, coefficients: Any, stored_count: int
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    batch, _, width = drive.shape
    spikes = torch.empty(drive.shape, dtype=drive.dtype)
    stored = [torch.empty(drive.shape, dtype=drive.dtype) for _ in range(stored_count)]
    states = [drive.new_zeros(batch, width) for _ in program.step.states]
    values = _inputs(drive, coefficients, threshold)
    values["s"] = _flat(spikes)
    values |= {f"k{j}": _flat(value) for j, value in enumerate(stored)}
    values |= {f"m{k}": _flat(value) for k, value in enumerate(states)}
    _launch(kernel, values, batch, drive)
    return spikes, states, stored


def _inputs(drive: Tensor, coefficients: Any, threshold: float) -> dict[str, Any]:
    batch, steps, width = drive.shape
    values: dict[str, Any] = {"B": batch, "T": steps, "W": width, "threshold": _real(threshold, drive)}
    values["x"], values["x_row"], values["x_step"] = _rows(drive)
    for i, value in enumerate(coefficients):
        values[f"c{i}"] = _flat(value.detach().contiguous())
        values[f"c{i}_step"] = width if value.dim() == 2 else 0
    return values


def _real(value: float, like: Tensor) -> np.floating:
    return np.float32(value) if like.dtype == torch.float32 else np.float64(value)


def _flat(tensor: Tensor) -> np.ndarray:
    return tensor.detach().view(-1).numpy()


def _rows(tensor: Tensor) -> tuple[np.ndarray, int, int]:
    """The memory of [B, T, W] as one row of numbers, and the strides of batch and time; copied only if W has a stride."""
    tensor = tensor.detach()
    if tensor.stride(2) != 1 or tensor.numel() == 0:
        tensor = tensor.contiguous()
    row, step, _ = tensor.stride()
    extent = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True)) + 1
    return tensor.as_strided((max(extent, 0) if tensor.numel() else 0,), (1,)).numpy(), row, step


def _launch(kernel: Compiled, values: dict[str, Any], count: int, drive: Tensor) -> None:
    """Run the kernel over `count` independent parts, on as many threads as torch uses."""
    threads = min(torch.get_num_threads(), count) if drive.numel() >= SMALL else 1
    width = drive.shape[2]
    real = np.float32 if drive.dtype == torch.float32 else np.float64
    names = kernel.source.arguments

    def part(index: int) -> None:
        own = {f"w{k}": np.empty(width, real) for k in range(kernel.source.carriers)}
        own |= {"first": index * count // threads, "last": (index + 1) * count // threads}
        kernel.run(*(own[name] if name in own else values[name] for name in names))

    if count and drive.numel():
        others = [_pool(threads).submit(part, index) for index in range(1, threads)]
        part(0)
        for other in others:
            other.result()


_pools: dict[int, ThreadPoolExecutor] = {}


def _pool(threads: int) -> ThreadPoolExecutor:
    """Idle threads sleep; a forked child makes its own."""
    if threads not in _pools:
        _pools[threads] = ThreadPoolExecutor(threads - 1, thread_name_prefix="mstask-scan")
    return _pools[threads]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pools.clear)
