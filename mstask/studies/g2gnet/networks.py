"""G2GNet: encoded input -> [wired linear -> LIF] x L -> dense linear -> LIF of one neuron per class -> spike counts.

Signals inside are [neurons, time, batch]. No layer feeds back, so each runs over all time steps at once; an input that is
held constant is multiplied once. Hidden layers are wired as `mstask.studies.g2gnet.wiring` says, the readout is dense.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mstask.errors import MstaskError, nearest
from mstask.studies.g2gnet import wiring
from mstask.studies.g2gnet.methods import GROUPS
from mstask.studies.g2gnet.neurons import Leaky
from mstask.studies.g2gnet.products import Plan, plan, product
from mstask.studies.g2gnet.wiring import Wiring

ENCODINGS = ("current", "rate")


@dataclass(frozen=True)
class Encoding:
    """How x = scale * input + bias becomes the drive of the first layer.

    "current" uses x as it is, "rate" draws a fresh spike with probability clamp(x, 0, 1) at every step. A still input
    (`steps` given) is flattened and held for that many steps; a sequence (`steps` None) has one step per frame.
    """

    kind: str = "current"
    steps: int | None = None
    scale: float = 1.0
    bias: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in ENCODINGS:
            raise MstaskError(f"encoding {self.kind!r} is unknown; {nearest(str(self.kind), ENCODINGS)}")
        if self.steps is not None and self.steps < 1:
            raise MstaskError(f"an input is to be held for {self.steps} steps, expected at least 1")


@dataclass(frozen=True)
class Design:
    """A network up to its seed; `in_features` is that of one step (all pixels of a still input)."""

    in_features: int
    n_classes: int
    model: str = "index"
    hidden: int = 256
    n_hidden: int = 2
    p_inter: float = 0.15
    encoding: Encoding = Encoding()
    labels: str = "per_layer"
    groups: int = GROUPS
    form: str = "auto"
    decay: float = 0.9
    threshold: float = 1.0

    @property
    def sizes(self) -> list[int]:
        """Neurons of the input, padded with silent ones to a multiple of the groups, and of each hidden layer."""
        unit = 1 if self.model == "dense" else self.groups
        return [-(-self.in_features // unit) * unit] + [self.hidden] * self.n_hidden


class WiredLinear(nn.Module):
    """Linear layer with given connections; weights exist (and are not 0) only where there is one.

    Initial weights of an output with k connections are uniform in +-1/sqrt(k), biases in +-1/sqrt(mean k): the usual
    initialisation, for the real number of inputs.
    """

    def __init__(self, wired: Wiring, form: str, seed: torch.Generator) -> None:
        super().__init__()
        n_out, n_in = wired.mask.shape
        fan_in = wired.mask.sum(1, keepdim=True).clamp(min=1)
        weight = (2 * torch.rand(n_out, n_in, generator=seed) - 1) / fan_in.sqrt()
        bias = (2 * torch.rand(n_out, 1, generator=seed) - 1) / math.sqrt(fan_in.double().mean())
        self.weight, self.bias = nn.Parameter(weight * wired.mask), nn.Parameter(bias)
        for name in ("mask", "groups_in", "groups_out"):
            self.register_buffer(name, getattr(wired, name).clone())
        self.form = form
        self._plan: tuple[int, Plan] | None = None

    @property
    def wiring(self) -> Wiring:
        return Wiring(self.mask, self.groups_in, self.groups_out)

    @property
    def plan(self) -> Plan:
        """How the product is computed; made anew when the mask has changed."""
        version = self.mask._version
        if self._plan is None or self._plan[0] != version or self._plan[1].mask.device != self.mask.device:
            self._plan = (version, plan(self.wiring, "dense" if self.mask.is_cuda else self.form))
        return self._plan[1]

    def forward(self, x: Tensor) -> Tensor:
        """Signals [n_in, T, B] -> [n_out, T, B]."""
        return (product(self.weight, x.flatten(1), self.plan) + self.bias).view(-1, *x.shape[1:])

    def extra_repr(self) -> str:
        return f"{self.mask.shape[1]}, {self.mask.shape[0]}, {int(self.mask.sum())} connections, form={self.form}"


class G2GNet(nn.Module):
    """The network of a design and a seed; `encoder` draws the spikes of rate coding.

    In training mode rate coding continues one stream of random numbers, part of the state dict; in evaluation mode it starts
    from the seed every time, so equal inputs give equal outputs.
    """

    def __init__(self, design: Design, seed: int) -> None:
        super().__init__()
        if design.n_hidden < 1:
            raise MstaskError(f"a network of {design.n_hidden} hidden layers, expected at least 1")
        self.design, self.seed = design, seed
        wired = wiring.wirings(design.model, design.sizes, design.p_inter, seed, design.labels, design.groups)
        readout = wiring.wirings("dense", [design.hidden, design.n_classes], 1.0, seed)[0]
        forms = [design.form] * design.n_hidden + ["dense"]
        self.linear = nn.ModuleList(
            WiredLinear(w, form, wiring.generator(seed, layer, "weights"))
            for layer, (w, form) in enumerate(zip([*wired, readout], forms, strict=True))
        )
        self.neuron = nn.ModuleList(Leaky(design.decay, design.threshold) for _ in self.linear)
        self.stream = torch.Generator().manual_seed(seed)

    @property
    def hidden(self) -> list[WiredLinear]:
        """The wired layers: all but the readout."""
        return list(self.linear)[:-1]

    def encode(self, x: Tensor) -> Tensor:
        """Input [B, T, F] -> drive [features, steps, B], or [features, 1, B] where it is held constant."""
        design, code = self.design, self.design.encoding
        held = code.steps is not None
        features = x.shape[1] * x.shape[2] if held else x.shape[2]
        if features != design.in_features:
            raise MstaskError(f"input of {features} features per step, expected {design.in_features}")
        x = code.scale * x + code.bias
        x = x.flatten(1).T.unsqueeze(1) if held else x.permute(2, 1, 0)
        if code.kind == "rate":
            x = x.clamp(0, 1).expand(-1, code.steps or -1, -1)
            stream = self.stream if self.training else torch.Generator().manual_seed(self.seed)
            x = (torch.rand(x.shape, generator=stream).to(x.device) < x).to(x.dtype)
        padding = design.sizes[0] - features
        return nn.functional.pad(x, (0, 0, 0, 0, 0, padding)) if padding else x.contiguous()

    def signals(self, x: Tensor) -> list[Tensor]:
        """What passes each boundary: drive, spikes of every hidden layer, spikes of the readout; [neurons, T, B] each."""
        passed = [self.encode(x)]
        for linear, neuron in zip(self.linear, self.neuron, strict=True):
            passed.append(neuron(linear(passed[-1]), self.design.encoding.steps or x.shape[1]))
        return passed

    def forward(self, x: Tensor) -> Tensor:
        """Input [B, T, F] -> logits [B, C]: spikes of the readout summed over time."""
        return logits(self.signals(x))

    def forward_with_rates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, C] and each hidden layer's mean firing rate [L], spikes per neuron and step."""
        passed = self.signals(x)
        return logits(passed), torch.stack([spikes.detach().mean() for spikes in passed[1:-1]])

    def n_parameters(self) -> int:
        """Weights of present connections, biases, and the neurons' learnt decays and thresholds."""
        return sum(int(layer.mask.sum()) + layer.bias.numel() + 2 for layer in self.linear)

    def get_extra_state(self) -> dict[str, Tensor]:
        """Carry the stream of rate coding in the state dict."""
        return {"stream": self.stream.get_state()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore the stream of rate coding."""
        self.stream.set_state(state["stream"].cpu())

    def extra_repr(self) -> str:
        return ", ".join(f"{key}={value}" for key, value in (asdict(self.design) | {"seed": self.seed}).items())


def logits(signals: list[Tensor]) -> Tensor:
    """Spike counts of the readout [B, C]; a tie goes to the lowest class."""
    return signals[-1].sum(1).T


def groups_only(model: G2GNet) -> list[Tensor]:
    """The hidden layers' connections inside groups, bool [n_out, n_in] each."""
    return [layer.mask & layer.wiring.intra for layer in model.hidden]


def thinned(model: G2GNet) -> list[Tensor]:
    """As many connections of each hidden layer as `groups_only` keeps, but drawn at random."""
    kept = []
    for number, (layer, inside) in enumerate(zip(model.hidden, groups_only(model), strict=True)):
        present = layer.mask.cpu().flatten().nonzero().squeeze(1)
        draw = wiring.generator(model.seed, number, "thinning")
        chosen = present[torch.randperm(len(present), generator=draw)[: int(inside.sum())]]
        mask = torch.zeros(layer.mask.numel(), dtype=torch.bool)
        mask[chosen] = True
        kept.append(mask.view_as(layer.mask).to(layer.mask.device))
    return kept


@torch.no_grad()
def cut_to(model: G2GNet, kept: list[Tensor], x: Tensor) -> tuple[Tensor, list[float]]:
    """Classes int64 [N] and hidden firing rates of the trained network with these connections only; it is left unchanged."""
    from mstask.training import predict

    masks = [layer.mask.clone() for layer in model.hidden]
    try:
        for layer, mask in zip(model.hidden, kept, strict=True):
            layer.mask.copy_(mask)
        return predict(model, x)
    finally:
        for layer, mask in zip(model.hidden, masks, strict=True):
            layer.mask.copy_(mask)
