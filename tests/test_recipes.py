"""The recipes of CONTRIBUTING.md do what they say when they are followed to the letter."""

import os
import re
import shutil
import subprocess
import sys
import textwrap

from mstask.paths import ROOT

USE = """
import sys, torch
from mstask import calibration, networks, neurons
name = sys.argv[1]
assert name in neurons.names(), neurons.names()
torch.manual_seed(0)
net = networks.VerticalNet(6, 2, [name] * 2, 8, {"backend": "reference"})
x = torch.randn(64, 12, 6, generator=torch.Generator().manual_seed(0))
print(calibration.calibrate_thresholds(net, x, 0.2).firing_rates(x)[0])
net(x).square().sum().backward()
assert all(parameter.grad is not None and parameter.grad.any() for parameter in net.chains[0].parameters())
"""


def test_a_neuron_is_one_file(tmp_path):
    """The file that the recipe shows, under the name that it gives: listed, calibrated, and every parameter learns."""
    recipe = (ROOT / "CONTRIBUTING.md").read_text().partition("## Add a neuron")[2].partition("\n## ")[0]
    (path,) = set(re.findall(r"`(mstask/neurons/\w+\.py)`", recipe))
    code = textwrap.dedent(recipe.partition("```python\n")[2].partition("```")[0])
    (name,) = re.findall(r'name = "([\w-]+)"', code)
    shutil.copytree(ROOT / "mstask", tmp_path / "mstask", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / path).write_text(code)
    (tmp_path / "use.py").write_text(USE)
    command = [sys.executable, str(tmp_path / "use.py"), name]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | {"PYTHONPATH": "."}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert abs(float(done.stdout) - 0.2) < 0.05
