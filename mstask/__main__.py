"""Entry point of `python -m mstask`."""

import sys

from mstask.lab.cli import main

sys.exit(main())
