"""The command line: `wherry demo | serve | worker | submit | list | show | watch | result | why | ...`.

Results go to stdout, reasons to stderr.  Exit codes: 0 well; 1 a job failed (`submit --wait`,
`watch ID`); 2 refused, nothing was stored; 3 no such job; 130 interrupted; 141 the reader of our
output has gone.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the arguments behind `wherry`; None takes those of this process.
    """
    from typer.main import get_command

    from wherry_server.cli.app import make_app

    try:
        get_command(make_app()).main(args=None if argv is None else list(argv), prog_name="wherry")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0
