"""Names of the baselines, and of the cases that carry a network from one kind of speech to the other."""

LOGISTIC, SMALL_CNN = "logistic", "SmallCNN"
TO_RECORDED, TO_EMBEDDED = "transfer-to-recorded", "transfer-to-embedded"
