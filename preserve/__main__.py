"""`python -m preserve`."""

import sys

from preserve.cli.entry import run

sys.exit(run())
