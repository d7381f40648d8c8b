"""The reference form: the equations step by step in plain torch code, differentiated by autograd.

Shapes: x [B, T, M] in, w [N, M]; a decay r is [N, M] (one per synapse), [N] (one per neuron) or [] (one for all). Autograd
keeps the current of every synapse at every step, B x N x M x T numbers; `mstask.studies.hetsyn.fused` gives the same
without.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mstask.studies.hetsyn.surrogates import Surrogate, spike


def drive(x: Tensor, w: Tensor, r: Tensor) -> Tensor:
    """Filtered input V_in [B, T, N]: I_ji^t = r_ji I_ji^{t-1} + w_ji x_i^t, summed over i (HetSyn, Eqs. 5 and 8).

    With one decay per neuron or for all, the sum is filtered, which is the same (Eqs. 3 and 12).
    """
    current = None
    out = []
    for t in range(x.shape[1]):
        current = _decayed(current, x[:, t], w, r)
        out.append(_summed(current))
    return torch.stack(out, 1)


def spikes(
    driven: Tensor, w: Tensor | None, r: Tensor, theta: float, kappa: float, a: float, rho_a: float, surrogate: Surrogate
) -> Tensor:
    """Spikes z [B, T, N] of a layer driven by V_in [B, T, N]; w [N, N] are recurrent weights or None.

    V^t = V_in^t + sum_k I_rec^t - J^t - A^t; J^t = kappa J^{t-1} + theta z^{t-1} (Eq. 9); A^t = rho_a A^{t-1} + a z^{t-1}
    (threshold adaptation, Eq. 11); I_rec is driven by z^{t-1} of the same layer. The reset is differentiated too.
    """
    z = torch.zeros_like(driven[:, 0])
    reset, adaptation, current = z, z, None
    out = []
    for t in range(driven.shape[1]):
        v = driven[:, t]
        if w is not None:
            current = _decayed(current, z, w, r)
            v = v + _summed(current)
        reset = kappa * reset + theta * z
        adaptation = rho_a * adaptation + a * z
        z = spike(v - reset - adaptation, theta, surrogate)
        out.append(z)
    return torch.stack(out, 1)


def _decayed(current: Tensor | None, x: Tensor, w: Tensor, r: Tensor) -> Tensor:
    """The next current: [B, N, M] with a decay per synapse, else [B, N]."""
    added = w * x[:, None] if r.dim() == 2 else x @ w.T
    return added if current is None else r * current + added


def _summed(current: Tensor) -> Tensor:
    return current.sum(-1) if current.dim() == 3 else current
