"""The parts of build.py.  Standard library only, but where a module says otherwise."""

import sys
from pathlib import Path

# The recipe of a site is part of the package, and is read before that is installed.
sys.path[:0] = [str(Path(__file__).resolve().parent.parent / name) for name in ("core", "server")]
