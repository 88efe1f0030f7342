"""The types of the JavaScript API, by the compiler: what is right passes, what is wrong does not."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tools import node, paths

OPTIONS = (
    "--noEmit",
    "--strict",
    "--target",
    "es2022",
    "--module",
    "es2022",
    "--moduleResolution",
    "bundler",
)


def test_the_types_allow_what_is_right_and_refuse_what_is_wrong() -> None:
    compiler = paths.NODE_MODULES / "typescript" / "bin" / "tsc"
    source = Path(__file__).with_name("typed_api.ts")

    ended = subprocess.run(
        [node.find(), compiler, *OPTIONS, source], capture_output=True, text=True, timeout=120, check=False
    )

    assert (ended.stdout, ended.returncode) == ("", 0)
