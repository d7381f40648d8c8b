"""Runs a layer through its Triton kernels, as one torch.autograd.Function."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from mstask.errors import NotFusable
from mstask.fused.triton_kernel import Source, backward_source, forward_source, load_kernel

if TYPE_CHECKING:
    from mstask.fused.function import Program

WARP, MOST_WARPS = 32, 8


class Kernel:
    """A loaded kernel that is launched once per batch row."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._kernel = load_kernel(source)

    def __call__(self, out: Tensor, values: dict[str, Any]) -> None:
        """Run over the [B, T, W] of the output `out`; `values` holds at least the kernel's other arguments."""
        batch, steps, width = out.shape
        if not batch:
            return
        # Triton's blocks are powers of two; lanes beyond W load 0 and store nothing.
        block = 1 << (width - 1).bit_length()
        values = values | {"T": steps, "W": width}
        # No fused multiply-add: it rounds once where torch rounds twice.
        options = {"num_warps": min(max(block // WARP, 1), MOST_WARPS), "enable_fp_fusion": False}
        try:
            with torch.cuda.device_of(out):
                self._kernel[(batch,)](*(values[name] for name in self.source.arguments), BLOCK=block, **options)
        except Exception as error:
            reason = ": ".join([type(error).__name__, *str(error).strip().splitlines()[:1]])
            raise NotFusable(f"Triton could not run the {self.source.title} ({reason})") from error


@functools.cache
def forward_kernel(program: Program, wanted: tuple[int, ...] | None, moving: tuple[bool, ...], dtype: str) -> Kernel:
    """The forward kernel; `wanted` None stores nothing."""
    stored = () if wanted is None else program.plan(wanted).stored
    return Kernel(forward_source(program.step, stored, moving, dtype))


@functools.cache
def backward_kernel(program: Program, wanted: tuple[int, ...], moving: tuple[bool, ...], dtype: str) -> Kernel:
    """The backward kernel."""
    return Kernel(backward_source(program.step, program.plan(wanted), moving, dtype))


def run(program: Program, threshold: float, slope: float, drive: Tensor, coefficients: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Run a traced step over drive [B, T, W] from rest; return spikes [B, T, W] and the final states [B, W].

    Tensors are float32 or float64 on one GPU, or anywhere if Triton interprets (TRITON_INTERPRET=1 before its import).
    """
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (drive, *coefficients)):
        return TritonLoop.apply(program, float(threshold), float(slope), drive, *coefficients)
    spikes, states, _ = _forward(program, None, float(threshold), drive, coefficients)
    return spikes, *states


class TritonLoop(torch.autograd.Function):
    """The time loop of one layer on a GPU."""

    @staticmethod
    def forward(ctx, program, threshold, slope, drive, *coefficients):
        wanted = tuple(i for i in range(len(coefficients)) if ctx.needs_input_grad[4 + i])
        spikes, states, kept = _forward(program, wanted, threshold, drive, coefficients)
        reads = program.plan(wanted).reads
        inputs = (drive if "drive" in reads else None, spikes if "spikes" in reads else None)
        ctx.save_for_backward(*inputs, *coefficients, *kept)
        ctx.set_materialize_grads(False)
        ctx.program, ctx.wanted, ctx.scalars = program, wanted, {"threshold": threshold, "slope": slope}
        ctx.shape, ctx.kind = drive.shape, {"dtype": drive.dtype, "device": drive.device}
        return spikes, *states

    @staticmethod
    @once_differentiable
    def backward(ctx, grad_spikes, *grad_states):
        drive, spikes, *saved = ctx.saved_tensors
        count = len(ctx.program.step.coefficients)
        coefficients, kept = saved[:count], saved[count:]
        batch, _, width = ctx.shape
        grad_drive = torch.empty(ctx.shape, **ctx.kind)
        rest = torch.zeros(1, 1, 1, **ctx.kind)
        values = ctx.scalars | _coefficients(coefficients) | {"s": spikes, "dx": grad_drive}
        values |= _rows("g", rest.expand(ctx.shape) if grad_spikes is None else grad_spikes)
        values |= {} if drive is None else _rows("x", drive)
        values |= {f"k{j}": value for j, value in enumerate(kept)}
        for k, grad in enumerate(grad_states):
            values[f"l{k}"] = (rest[0].expand(batch, width) if grad is None else grad).contiguous()
        wanted = ctx.program.plan(ctx.wanted).coefficients
        parts = {i: torch.empty(batch, *coefficients[i].shape, **ctx.kind) for i in wanted}
        values |= {f"d{i}": part for i, part in parts.items()}
        backward_kernel(ctx.program, ctx.wanted, _moving(coefficients), _name(grad_drive))(grad_drive, values)
        return None, None, None, grad_drive, *(parts[i].sum(0) if i in parts else None for i in range(count))


def _forward(
    program: Program, wanted: tuple[int, ...] | None, threshold: float, drive: Tensor, coefficients: Sequence[Tensor]
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Run the forward kernel: spikes, final states, and the arrays that the backward pass needs."""
    batch, _, width = drive.shape
    kernel = forward_kernel(program, wanted, _moving(coefficients), _name(drive))
    store = 0 if wanted is None else len(program.plan(wanted).stored)
    spikes, *kept = (torch.empty(drive.shape, dtype=drive.dtype, device=drive.device) for _ in range(1 + store))
    states = [drive.new_empty(batch, width) for _ in program.step.states]
    values = {"threshold": threshold, "s": spikes} | _rows("x", drive) | _coefficients(coefficients)
    values |= {f"k{j}": value for j, value in enumerate(kept)} | {f"m{k}": value for k, value in enumerate(states)}
    kernel(spikes, values)
    return spikes, states, kept


def _moving(coefficients: Sequence[Tensor]) -> tuple[bool, ...]:
    """Which coefficients have one row per time step."""
    return tuple(value.dim() == 2 for value in coefficients)


def _name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _coefficients(coefficients: Sequence[Tensor]) -> dict[str, Tensor]:
    return {f"c{i}": value.contiguous() for i, value in enumerate(coefficients)}


def _rows(name: str, tensor: Tensor) -> dict[str, Any]:
    """A tensor [B, T, W] with its strides of batch and time; copied only if W has a stride."""
    tensor = tensor if tensor.stride(2) == 1 else tensor.contiguous()
    row, step, _ = tensor.stride()
    return {name: tensor, f"{name}_row": row, f"{name}_step": step}
