"""G2GNet: group-to-group sparse wiring and Dynamic Sparse Training, in spiking networks.

After Konstantaropoulos, Smirnakis & Papadopouli, arXiv 2508.14140 (which describes non-spiking networks), and the public
spiking version of their idea by A. Papafragkakis: dense wiring between like-numbered groups of consecutive layers, sparse
random wiring between different groups, prune and regrow by Hebbian correlation. What neither has is the control that the
question needs: unstructured (Erdos-Renyi) wiring with the same number of connections.

wiring -> products, neurons -> networks -> rewiring -> training -> measure; runs, folds: the sources' commands
"""
