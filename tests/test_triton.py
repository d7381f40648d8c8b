"""On a GPU the fused loop runs Triton kernels; without a GPU they are interpreted and compiled, without Triton refused."""

from __future__ import annotations

import importlib.util
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from test_scan import custom, kinked, smooth

from mstask import neurons
from mstask.errors import MstaskError
from mstask.fused import triton_loop
from mstask.fused.function import Program
from mstask.fused.trace import trace
from mstask.neurons import scan

HERE = Path(__file__).parent
needs_triton = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")


class OnGPU(torch.Tensor):
    """A tensor that claims to be on a GPU."""

    is_cuda = True


def test_without_triton_a_gpu_request_is_refused_in_one_sentence_and_auto_runs_the_reference(monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "triton", None)
    x = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(0))
    neuron = neurons.create("Parametric-LIF", 5, backend="fused")
    with pytest.raises(MstaskError, match=r"^the fused loop on a GPU needs triton, which can't be imported \(.*\)$"):
        neuron(x.as_subclass(OnGPU))
    neuron.backend = "auto"
    scan._told.clear()
    with caplog.at_level(logging.WARNING, "mstask.neurons"):
        found = [neuron(x.as_subclass(OnGPU))[0] for _ in range(2)]
    assert ["needs triton" in record.message for record in caplog.records] == [True]
    neuron.backend = "reference"
    assert all(torch.equal(spikes, neuron(x)[0]) for spikes in found)


@needs_triton
def test_interpreted_kernels_agree_with_the_reference():
    """The cases of triton_interpreted.py: Triton decides at its import whether it interprets, hence a process of its own."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore::RuntimeWarning"]
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": str(HERE.parent)}
    cases = subprocess.run([*command, HERE / "triton_interpreted.py"], env=environment, capture_output=True, text=True)
    assert cases.returncode == 0, cases.stdout[-8000:] + cases.stderr[-2000:]


class AbsentGPU:
    """What Triton asks of a driver in order to compile for a GPU of compute capability 9.0."""

    def get_current_device(self):
        return 0

    def get_current_stream(self, device):
        return 0

    def get_current_target(self):
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", 90, 32)


@pytest.fixture
def compiled(monkeypatch, tmp_path):
    """Launches compile the kernel and don't run it; their machine programs (PTX) are listed here."""
    triton = pytest.importorskip("triton")
    if triton.knobs.runtime.interpret:
        pytest.skip("TRITON_INTERPRET is set")
    programs, run = [], triton.JITFunction.run

    def only_compile(self, *args, warmup, **options):
        kernel = run(self, *args, warmup=True, **options)
        programs.append(kernel.asm["ptx"])

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(triton.JITFunction, "run", only_compile)
    triton.runtime.driver.set_active(AbsentGPU())
    yield programs
    triton.runtime.driver.set_active(None)


def launch(neuron, shape, dtype):
    """Forward and backward pass of the layer by its Triton kernels."""
    neuron = neuron.to(dtype)
    x = torch.zeros(shape, dtype=dtype, requires_grad=True)
    c = neuron.coefficients(shape[1])
    program = Program(trace(type(neuron), type(c)))
    outputs = triton_loop.run(program, neuron.threshold, neuron.surrogate_slope, neuron.drive(x), c)
    sum(output.sum() for output in outputs).backward()


@needs_triton
@pytest.mark.parametrize("name", neurons.names())
def test_kernels_compile_for_a_gpu_without_fused_or_approximate_arithmetic(name, compiled):
    launch(neurons.create(name, 33, backend="reference"), (2, 16, 33), torch.float32)
    assert len(compiled) == 2
    for program in compiled:
        assert ".entry kernel" in program
        assert not [word for word in ("fma.", "approx", "div.full") if word in program]


@needs_triton
@pytest.mark.parametrize(("dtype", "shape"), [(torch.float32, (1, 1, 1)), (torch.float64, (2, 3, 5))])
@pytest.mark.parametrize("step", [smooth, kinked], ids=lambda step: step.__name__)
def test_every_operation_compiles_for_a_gpu(step, dtype, shape, compiled):
    launch(custom(step, shape[-1]), shape, dtype)
    assert len(compiled) == 2


@needs_triton
@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_launch_that_fails_is_reported_in_one_sentence():
    with pytest.raises(MstaskError, match=r"^Triton could not run the forward pass of Vanilla-LIF \(.+\)$"):
        launch(neurons.create("Vanilla-LIF", 3), (2, 3, 3), torch.float32)
