"""What may be set in the runs on recordings, and the names of their baselines and of two cases."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mstask.parameters import Count, NotNegative, Positive, SpikingParameters

LOGISTIC, SMALL_CNN = "logistic", "SmallCNN"
"""Names of the baselines."""
TO_RECORDED, TO_EMBEDDED = "transfer-to-recorded", "transfer-to-embedded"
"""The cases that carry a network from one kind of speech to the other."""


class RecordingsParameters(SpikingParameters):
    """The paper's spiking networks on recordings, and a dense network with a recipe of its own."""

    data_source: Literal["recorded"] = Field(description="recorded: what data fetch downloads, or your copy")
    audio_window_len: Annotated[int, Field(ge=0)] = Field(description="STFT-IF window on speech, steps; 0: its own")
    cnn_epochs: Count = Field(description="upper limit, CNN; its cosine ends here")
    cnn_learning_rate: Positive = Field(description="of Adam, CNN")
    cnn_weight_decay: NotNegative = Field(description="of Adam, CNN")
