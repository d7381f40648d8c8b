"""The paper's networks: VerticalNet, PathBankNet (horizontal bank) and the SmallCNN reference.

"Pure" spiking networks: only spikes pass between layers; no normalisation and no gate inside the network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mstask import neurons
from mstask.errors import MstaskError, nearest
from mstask.products import Linear, product


class SpikingLayer(nn.Module):
    """Linear (with bias, on each frame) followed by one layer of neurons.

    What comes in may be anything; where few of it isn't 0 the product is event-driven, see `mstask.products`.
    """

    def __init__(self, in_features: int, width: int, neuron: str, options: dict[str, Any]) -> None:
        super().__init__()
        self.linear = Linear(in_features, width)
        self.neuron = neurons.create(neuron, width, **options)
        self.folded = self.neuron.mixes

    def forward(self, x: Tensor) -> Tensor:
        """Input [B, T, F] -> spikes [B, T, W]."""
        return self.neuron.run(self.drive(x))[0] if self.folded else self.neuron(self.linear(x))[0]

    def drive(self, x: Tensor) -> Tensor:
        """Input [B, T, F] -> what goes into the neurons' time loop [B, T, W].

        A linear mixing S of the neurons acts on the weights, which are fewer than the data: (x W^T + b) S = x (S^T W)^T + b S.
        """
        if not self.folded:
            return self.neuron.drive(self.linear(x))
        weight, bias = self.linear.weight, self.linear.bias
        mixing = self.neuron.drive(torch.eye(len(bias), dtype=bias.dtype, device=bias.device)[None])[0]
        own = torch.cat((weight, bias[:, None]), 1).t()
        mixed = product(mixing.t(), own, own.new_zeros(len(own)), dense_above=0)
        return product(x, mixed[:, :-1], mixed[:, -1], self.linear.dense_above)


class SpikingNet(nn.Module):
    """Parallel chains of spiking layers behind a common stem, each read out by its time-mean.

    Parameters
    ----------
    stem : module applied to the input [B, T, F] before the chains.
    chains : for each chain its layers, input side first.
    features : summed width of the chains' last layers.
    """

    def __init__(self, stem: nn.Module, chains: Sequence[Sequence[SpikingLayer]], features: int, n_classes: int) -> None:
        super().__init__()
        self.stem = stem
        self.chains = nn.ModuleList(nn.ModuleList(chain) for chain in chains)
        self.readout = Linear(features, n_classes)

    def layers(self) -> Iterator[SpikingLayer]:
        """All spiking layers, chain by chain, input side first."""
        for chain in self.chains:
            yield from chain

    def dense_above(self, share: float) -> None:
        """Multiply densely where a larger share of a layer's input isn't 0: 0 always, 1 where events are no choice.

        See `mstask.products`.
        """
        for module in self.modules():
            if isinstance(module, Linear):
                module.dense_above = share

    def _logits(self, x: Tensor, watch: Callable[[Tensor], None]) -> Tensor:
        x = self.stem(x)
        features = []
        for chain in self.chains:
            spikes = x
            for layer in chain:
                spikes = layer(spikes)
                watch(spikes)
            features.append(spikes.mean(1))
        return self.readout(torch.cat(features, -1))

    def forward(self, x: Tensor) -> Tensor:
        """Input [B, T, F] -> logits [B, C]."""
        return self._logits(x, lambda spikes: None)

    def forward_with_rates(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Logits [B, C] and each layer's mean firing rate (spikes per neuron and step), in the order of `layers`."""
        rates: list[Tensor] = []
        logits = self._logits(x, lambda spikes: rates.append(spikes.detach().mean()))
        return logits, torch.stack(rates)

    @torch.no_grad()
    def firing_rates(self, x: Tensor) -> list[float]:
        """Mean firing rate of each layer on x [B, T, F], spikes per neuron and step."""
        return self.forward_with_rates(x)[1].tolist()


class VerticalNet(SpikingNet):
    """Layers in sequence, one neuron type each; homogeneous when all types are equal.

    Features are the time-mean of the last layer's spikes (paper: L = 4 layers of W = 128).
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        layer_types: Sequence[str],
        width: int,
        neuron_kwargs: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(nn.Identity(), [chain(in_features, layer_types, width, neuron_kwargs)], width, n_classes)


class PathBankNet(SpikingNet):
    """Shared linear stem Linear(F, W), then one path of `n_layers` layers per neuron type, concatenated at the readout."""

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        path_types: Sequence[str],
        width: int,
        n_layers: int,
        neuron_kwargs: dict[str, Any] | None = None,
    ) -> None:
        check_options(path_types, neuron_kwargs)
        stem = Linear(in_features, width)
        paths = [chain(width, [name] * n_layers, width, own_options([name], neuron_kwargs)) for name in path_types]
        super().__init__(stem, paths, width * len(path_types), n_classes)


def chain(in_features: int, layer_types: Sequence[str], width: int, neuron_kwargs: dict[str, Any] | None) -> list[SpikingLayer]:
    """Layers of the given types in sequence; each type receives those of the options that it takes."""
    if not layer_types:
        raise MstaskError("a chain of layers needs at least one neuron type, found none")
    check_options(layer_types, neuron_kwargs)
    inputs = [in_features] + [width] * (len(layer_types) - 1)
    return [
        SpikingLayer(n, width, name, own_options([name], neuron_kwargs)) for n, name in zip(inputs, layer_types, strict=True)
    ]


def own_options(types: Sequence[str], options: dict[str, Any] | None) -> dict[str, Any]:
    """Those of `options` that at least one of the neuron types takes."""
    taken = set().union(*(neurons.neuron_type(name).options() for name in types))
    return {key: value for key, value in (options or {}).items() if key in taken}


def check_options(types: Sequence[str], options: dict[str, Any] | None) -> None:
    """Refuse an option that none of the neuron types takes: it would be silently ignored."""
    taken = set().union(*(neurons.neuron_type(name).options() for name in types))
    for key in options or {}:
        if key not in taken:
            raise MstaskError(f"no neuron of {', '.join(dict.fromkeys(types))} takes {key!r}; {nearest(key, sorted(taken))}")


class SmallCNN(nn.Module):
    """Reference on the picture [B, T, F]: three blocks Conv3x3 + BatchNorm + ReLU + MaxPool2, average pool, linear."""

    def __init__(self, n_classes: int, channels: Sequence[int]) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        for before, after in zip((1, *channels[:-1]), channels, strict=True):
            blocks += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
        self.blocks = nn.Sequential(*blocks)
        self.readout = nn.Linear(channels[-1], n_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Input [B, T, F] -> logits [B, C]."""
        return self.readout(self.blocks(x.unsqueeze(1)).mean((2, 3)))
