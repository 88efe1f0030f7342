#!/usr/bin/env python3
"""Build, run and check wherry from a fresh clone: `python3 build.py COMMAND`.

Needs Python 3.11 or newer and nothing else: it makes `.venv`, fetches what is pinned, and goes on in there.
All it makes lies in `.venv`, `node_modules`, `.build`, `dist` and `web/wherry_web/static/vendor`.
"""

from __future__ import annotations

import os
import shutil
import sys

OLDEST = (3, 11)


def use_newer_python() -> None:
    """Start over with a newer Python of this machine, if this one is too old."""
    if sys.version_info >= OLDEST:
        return
    for minor in range(19, OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            os.execv(found, [found, *sys.argv])
    sys.exit(
        "build.py needs Python 3.11 or newer. Install one (Debian: `apt-get install python3`) and run again."
    )


def main() -> int:
    """Run the command given and return its exit code."""
    use_newer_python()
    # Only now: the commands use the syntax of that version.
    from tools.commands import main as run_command

    return run_command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
