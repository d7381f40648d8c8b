"""Generators of the embedded data sets: physics in, files of the originals' formats out."""
