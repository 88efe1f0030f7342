"""The exact versions and hashes of what the tab's runtime is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from wherry_server.site.shop import PINS, SiteError, file_sha256

# The platform of Pyodide 314: what its Python calls itself, and what the files of packages are tagged with.
PLATFORM = (
    "--only-binary=:all:", "--platform", "pyemscripten_2026_0_wasm32",
    "--implementation", "cp", "--python-version", "3.14", "--abi", "cp314",
)  # fmt: skip
PIN = re.compile(r"([A-Za-z0-9_]+)==(\S+) --hash=sha256:([0-9a-f]{64})")

PYODIDE = "314.0.7"
"""Of the npm package `pyodide`; package-lock.json names the same."""
PYODIDE_SHA512 = (
    "sha512-0YvXxEhfEdpLfb/XkM2BFAeMROq0iMUX2bzzH9pOttyMcWkwq+HbE5uyuGD82LN7y2q+SNvi/6V5JEsOlD2R1A=="
)


@dataclass(frozen=True)
class Pin:
    """One exactly pinned wheel."""

    name: str
    version: str
    sha256: str

    def requirement(self) -> str:
        """Return the line that pip checks."""
        return f"{self.name}=={self.version} --hash=sha256:{self.sha256}"

    def file(self, folder: Path) -> Path | None:
        """Return the downloaded wheel if it is there and whole."""
        found = folder.glob(f"{self.name}-{self.version}-*.whl")
        return next((path for path in found if file_sha256(path) == self.sha256), None)


def read_pins(text: str) -> list[Pin]:
    """Parse the lines of `runtime-pins.txt`.  Raises: `SiteError` for a line of another shape."""
    pins: list[Pin] = []
    for line in text.splitlines():
        match = PIN.fullmatch(line.strip())
        if match:
            pins.append(Pin(*match.groups()))
        elif line.strip() and not line.startswith("#"):
            raise SiteError(f"not a pin: {line!r}: write `name==version --hash=sha256:...` in {PINS.name}.")
    return pins


def pinned() -> list[Pin]:
    """Return the wheels of the runtime."""
    return read_pins(PINS.read_text())
