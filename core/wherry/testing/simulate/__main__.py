"""Run many seeds: `python -m wherry.testing.simulate --seeds 1000:5000`.  Exit code 1 if one broke a rule."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from wherry.testing.simulate import Violation, simulate


def main(arguments: Sequence[str] | None = None) -> int:
    """Print each violation with its last steps, and what all runs came to."""
    options = _parser().parse_args(arguments)
    first, _, last = options.seeds.partition(":")
    broken = steps = 0
    for seed in range(int(first), int(last or int(first) + 1)):
        try:
            trace = simulate(seed, workers=options.workers, clients=options.clients, jobs=options.jobs)
        except Violation as violation:
            broken, trace = broken + 1, violation.trace
            _say(str(violation))
        steps += trace.steps
        if options.trace:
            _say("\n".join(trace.lines))
    _say(f"{steps} steps, {broken} seeds broke a rule")
    return 1 if broken else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m wherry.testing.simulate", description=__doc__)
    parser.add_argument("--seeds", default="0:1000", metavar="FIRST:END", help="or one seed, to replay it")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--clients", type=int, default=2)
    parser.add_argument("--jobs", type=int, default=30)
    parser.add_argument("--trace", action="store_true", help="print every step")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
