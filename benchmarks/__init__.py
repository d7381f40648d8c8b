"""Speed of the fused time loop against its floor, the plain loop and other libraries; run `python benchmarks/step.py`."""
