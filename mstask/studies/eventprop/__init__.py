"""Eventprop with loss shaping: exact gradients of spiking networks in continuous time, and nine losses to train them with.

After Wunderlich & Pehle (Sci. Rep. 11:12829, 2021) and Nowotny, Turner & Knight (arXiv 2212.01232; Neuromorph. Comput. Eng.
2025). Layers (`layers`) are differentiable functions of spike times, losses (`losses`) ordinary torch code.
"""
