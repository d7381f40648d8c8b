"""Entry point of `python -m mstask`."""

import sys

from mstask.cli import main

sys.exit(main())
