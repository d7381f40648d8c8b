"""What may be set in the runs of G2GNet."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mstask.parameters import Count, Fraction, NotNegative, Positive, Share, TrainingParameters


class G2GParameters(TrainingParameters):
    """Width, wiring, encoding and rewiring of the networks."""

    hidden: Annotated[int, Field(ge=8, le=4096)] = Field(description="neurons per hidden layer, a multiple of 8")
    hidden_layers: Annotated[int, Field(ge=1, le=8)] = Field(description="wired layers")
    p_inter: Share = Field(description="probability of a connection between groups")
    labels: Literal["per_layer", "shared"] = Field(description="groups of random: dealt per layer, or per neuron")
    encoding: Literal["current", "rate"] = Field(description="pixels as current, or as spike probability")
    steps: Count = Field(description="time steps of a still input")
    scale: Positive = Field(description="factor of the input")
    bias: float = Field(description="added to the input")
    weight_decay: NotNegative = Field(description="Adam's L2 term")
    prune: Literal["set", "random", "hebb"] = Field(description="which connections go")
    grow: Literal["hebb", "random"] = Field(description="which connections come")
    scope: Literal["layer", "class", "inter"] = Field(description="where connections may move")
    fraction: Fraction = Field(description="share of the connections moved by an update")
    regrow: bool = Field(description="whether a just pruned connection may come back at once")
    updates: Count = Field(description="rewirings in a run of full length")
    rate_penalty: Literal["none", "two-sided", "one-sided"] = Field(description="on hidden firing rates")
    warmup_epochs: Annotated[int, Field(ge=0)] = Field(description="epochs free of the rate penalty")
    form: Literal["auto", "dense", "grouped", "sparse"] = Field(description="how products are computed")
