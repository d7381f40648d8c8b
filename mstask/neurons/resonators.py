"""Resonators, which listen for oscillation: Doppler-LIF, Chirp-LIF, STFT-IF, Phase-LIF. Frequencies are radians per step.

Defined anew from published descriptions; the paper's own library may differ in detail.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mstask.errors import MstaskError
from mstask.neurons.base import Membrane, Neuron, NoCoefficients, evenly, logit
from mstask.neurons.filters import causal_filter
from mstask.neurons.ops import angle, modulus
from mstask.neurons.registry import register
from mstask.neurons.scan import chosen_backend


class Complex(NamedTuple):
    re: Tensor
    im: Tensor


class Rotation(NamedTuple):
    cos: Tensor
    sin: Tensor


class GainedRotation(NamedTuple):
    cos: Tensor
    sin: Tensor
    gain: Tensor


@register
class DopplerLIF(Neuron):
    r"""Damped complex resonator: z <- sigma(b_i) exp(1j w_i) z + g_i x, u = Re z.

    It fires when its input oscillates at the neuron's own (Doppler) frequency. Decay b, frequency w and gain g are learnt;
    w starts evenly spaced in [0, pi/2].

    Equation
    --------
    z \leftarrow \sigma(b_i)\, e^{\mathrm{i}\omega_i} z + g_i\, x, \qquad u = \operatorname{Re} z

    Listens for
    -----------
    A swing at its own frequency. Its state turns by a fixed angle in each step, so inputs that keep time with it add up and
    others cancel.
    """

    name = "Doppler-LIF"
    State = Complex

    def __init__(self, size: int, *, beta: float = 0.95, **options: Any) -> None:
        super().__init__(size, **options)
        self.b = nn.Parameter(logit(beta, size))
        self.w = nn.Parameter(evenly(0, math.pi / 2, size))
        self.g = nn.Parameter(torch.ones(size))

    def coefficients(self, steps: int) -> GainedRotation:
        beta = torch.sigmoid(self.b)
        return GainedRotation(beta * torch.cos(self.w), beta * torch.sin(self.w), self.g)

    @staticmethod
    def step(x, state, c, fire):
        re = c.cos * state.re - c.sin * state.im + c.gain * x
        im = c.sin * state.re + c.cos * state.im
        s = fire(re)
        return s, Complex(re * (1 - s), im * (1 - s))


@register
class ChirpLIF(Neuron):
    r"""Resonator that follows a frequency sweep: z <- beta exp(1j (w_i + k_i n)) z + x, u = |z|, n = steps since the start.

    Frequency w (radians per step) and sweep rate k (radians per step squared) are learnt; |z| is `modulus`.

    Equation
    --------
    z \leftarrow \beta\, e^{\mathrm{i}(\omega_i + \kappa_i n)} z + x, \qquad u = \lvert z \rvert

    Listens for
    -----------
    A swing whose frequency moves along with the neuron's own. Before training the sweep rate is zero, and it answers to a fixed
    frequency, whatever the phase.
    """

    name = "Chirp-LIF"
    State = Complex

    def __init__(self, size: int, *, beta: float = 0.95, **options: Any) -> None:
        super().__init__(size, **options)
        self.beta = beta
        self.w = nn.Parameter(evenly(0, math.pi / 2, size))
        self.k = nn.Parameter(torch.zeros(size))

    def coefficients(self, steps: int) -> Rotation:
        n = torch.arange(steps, dtype=self.w.dtype, device=self.w.device)
        phase = self.w + n[:, None] * self.k
        return Rotation(self.beta * torch.cos(phase), self.beta * torch.sin(phase))

    @staticmethod
    def step(x, state, c, fire):
        re = c.cos * state.re - c.sin * state.im + x
        im = c.sin * state.re + c.cos * state.im
        s = fire(modulus(re, im))
        return s, Complex(re * (1 - s), im * (1 - s))


OWN_WINDOW = 16
"""Steps of STFT-IF's window where none is given and the trial is no shorter."""


@register
class STFTIF(Neuron):
    r"""Integrates short-time spectral energy: e_t = |sum_{n<N} hann_n x_{t-n} exp(-1j w_i n)|, m <- m + e (no leak), u = m.

    The window holds N = `window_len` non-zero taps, by default 16 or all steps of a shorter trial,
    hann_n = sin^2(pi (n + 1) / (N + 1)); inputs before the trial count as 0. The input buffer is not reset by a spike, so e
    depends on the input alone and is computed for the whole sequence before the time loop. The frequency w is learnt.

    Equation
    --------
    e_t = \Bigl\lvert \sum_{n<N} h_n\, x_{t-n}\, e^{-\mathrm{i}\omega_i n} \Bigr\rvert, \qquad
    m \leftarrow m + e_t, \qquad u = m

    Listens for
    -----------
    Energy in a band around its own frequency, measured over a short window and added up without forgetting. It can't tell when
    within the window something happened.
    """

    name = "STFT-IF"
    State = Membrane

    def __init__(self, size: int, *, window_len: int | None = None, **options: Any) -> None:
        super().__init__(size, **options)
        if window_len is not None and window_len < 1:
            raise MstaskError(f"STFT-IF: window_len is {window_len}, expected at least 1 step")
        self.window_len = window_len
        self.w = nn.Parameter(evenly(0, math.pi / 2, size))

    def drive(self, x: Tensor) -> Tensor:
        steps = x.shape[1]
        taps = self.window_len or max(1, min(OWN_WINDOW, steps))
        if taps > steps > 0:
            raise MstaskError(f"STFT-IF: window_len is {taps}, longer than the trial of {steps} steps")
        n = torch.arange(taps, dtype=x.dtype, device=x.device)[:, None]
        hann = torch.sin(math.pi * (n + 1) / (taps + 1)) ** 2
        backend = chosen_backend(self)
        re = causal_filter(x, hann * torch.cos(n * self.w), backend)
        im = causal_filter(x, hann * torch.sin(n * self.w), backend)
        return modulus(re, im)

    def coefficients(self, steps: int) -> NoCoefficients:
        return NoCoefficients()

    @staticmethod
    def step(x, state, c, fire):
        u = state.m + x
        s = fire(u)
        return s, Membrane(u * (1 - s))


class PhaseState(NamedTuple):
    re: Tensor
    im: Tensor
    refractory: Tensor


@register
class PhaseLIF(Neuron):
    r"""Fires on phase advance: z <- beta exp(-1j w_i) z + x, u = |arg(z_t conj(z_{t-1}))| in [0, pi], arg of 0 is 0.

    z is not reset; a spike is followed by one refractory step. The frequency w is learnt. The gradient of arg at a
    vanishing product is 0 (`angle`), and that of |.| at 0 is 0.

    Equation
    --------
    z \leftarrow \beta\, e^{-\mathrm{i}\omega_i} z + x, \qquad
    u = \bigl\lvert \arg\bigl(z_t\, \overline{z_{t-1}}\bigr) \bigr\rvert

    Listens for
    -----------
    Speed of turning, not strength: it fires when the phase of its state moves far within one step, ahead or
    back, however weak the input. After a spike it pauses for one step.
    """

    name = "Phase-LIF"
    State = PhaseState

    def __init__(self, size: int, *, beta: float = 0.95, **options: Any) -> None:
        super().__init__(size, **options)
        self.beta = beta
        self.w = nn.Parameter(evenly(0, math.pi / 2, size))

    def coefficients(self, steps: int) -> Rotation:
        return Rotation(self.beta * torch.cos(self.w), self.beta * torch.sin(self.w))

    @staticmethod
    def step(x, state, c, fire):
        re = c.cos * state.re + c.sin * state.im + x
        im = c.cos * state.im - c.sin * state.re
        advance = angle(im * state.re - re * state.im, re * state.re + im * state.im)
        s = fire(torch.abs(advance)) * (1 - state.refractory)
        return s, PhaseState(re, im, s)
