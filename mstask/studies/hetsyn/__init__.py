"""HetSyn: where a network keeps its time constants (Deng et al., NeurIPS 2025, arXiv 2508.11644).

Four neuron models form one family that differs only in how many time constants of M inputs and N neurons are learnt: none
(HomNeuLIF, HomNeuALIF), one per neuron (HetNeuLIF: N) or one per synapse (HetSynLIF: MN).
"""
