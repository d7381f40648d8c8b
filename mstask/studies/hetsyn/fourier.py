"""The kernel form: a synapse's current is a convolution with w r^l, so one batched product of spectra gives a layer's drive.

Its cost hardly depends on the batch and it runs on any device; it keeps N x M x T numbers, and the convolution sees a whole
trial, so it serves feedforward synapses and readouts only.
"""

from __future__ import annotations

import torch
from torch import Tensor


def drive(x: Tensor, w: Tensor, r: Tensor) -> Tensor:
    """Filtered input V_in [B, T, N] of x [B, T, M] through weights and decays [N, M]; equals `direct.drive`."""
    steps = x.shape[1]
    length = 1 << (2 * steps - 1).bit_length()
    lags = torch.arange(steps, dtype=x.dtype, device=x.device)[:, None, None]
    kernel = torch.fft.rfft(w * r**lags, length, dim=0)
    spectrum = torch.fft.rfft(x, length, dim=1).transpose(0, 1)
    return torch.fft.irfft((spectrum @ kernel.mT).transpose(0, 1), length, dim=1)[:, :steps]
