"""What may be set in the runs of G2GNet."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mstask.parameters import Count, Fraction, NotNegative, Positive, Share, TrainingParameters


class G2GParameters(TrainingParameters):
    """Width, wiring, encoding and rewiring of the networks."""

    hidden: Annotated[int, Field(ge=8, le=4096)] = Field(128, description="neurons per hidden layer, a multiple of 8")
    hidden_layers: Annotated[int, Field(ge=1, le=8)] = Field(2, description="wired layers")
    p_inter: Share = Field(0.15, description="probability of a connection between groups")
    labels: Literal["per_layer", "shared"] = Field("per_layer", description="groups of random: dealt per layer, or per neuron")
    encoding: Literal["current", "rate"] = Field("current", description="pixels as current, or as spike probability")
    steps: Count = Field(25, description="time steps of a still input")
    scale: Positive = Field(1.0, description="factor of the input")
    bias: float = Field(0.0, description="added to the input")
    weight_decay: NotNegative = Field(1e-4, description="Adam's L2 term")
    prune: Literal["set", "random", "hebb"] = Field("hebb", description="which connections go")
    grow: Literal["hebb", "random"] = Field("hebb", description="which connections come")
    scope: Literal["layer", "class", "inter"] = Field("layer", description="where connections may move")
    fraction: Fraction = Field(0.1, description="share of the connections moved by an update")
    regrow: bool = Field(True, description="whether a just pruned connection may come back at once")
    updates: Count = Field(4, description="rewirings in a run of full length")
    rate_penalty: Literal["none", "two-sided", "one-sided"] = Field("none", description="on hidden firing rates")
    warmup_epochs: Annotated[int, Field(ge=0)] = Field(10, description="epochs free of the rate penalty")
    form: Literal["auto", "dense", "grouped", "sparse"] = Field("auto", description="how products are computed")
