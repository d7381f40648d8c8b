"""Neuronal competition groups: a single-spike readout with several neurons per class, trained by supervised STDP.

After Goupy, Tirilly, Bilasco, "Neuronal Competition Groups with Supervised STDP for Spike-Based Classification" (NeurIPS
2024, arXiv 2410.17066); written anew from its description. `spikes` and `inputs` make first spikes, `config` reads JSON
configurations, `readout` and `training` learn, `drivers` run folders of data in parallel, `features` learns a convolution
without labels, `measure` is the section of the book.
"""
