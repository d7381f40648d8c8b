"""A study of our own, as one outside the checkout would be; for tests of the batch engine."""
