"""The built site with the tab's runtime: where it is, whether it is complete, how large it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, NamedTuple

State = Literal["ready", "building", "absent", "failed"]

MANIFEST = "manifest.json"
FAILURE = "failure.txt"
"""What the builder writes beside the manifest when it gives up."""
_BUILD = "python3 build.py site"
_LOG_CHARACTERS = 4000


class Build(NamedTuple):
    """A complete site."""

    name: str
    """The hash that names its folder."""
    runtime: str
    """Path of the runtime below the origin, `/HASH/runtime/`."""
    sizes: dict[str, int]
    """Bytes of the runtime as they are (`raw`) and as they travel (`br`, `gz`)."""


class Site:
    """One site folder, looked at again whenever it is asked about: it may be completed meanwhile.

    Args:
        folder: made by `build.py site`; None when there is none.
        expected: somebody is building it, so that its absence is no fault.
    """

    def __init__(self, folder: Path | None, *, expected: bool = False) -> None:
        self.folder, self._expected = folder, expected
        self._read: tuple[int, Build] | None = None

    @property
    def state(self) -> State:
        if self.build is not None:
            return "ready"
        if self.folder is None or not self._expected:
            return "absent"
        return "failed" if (self.folder / FAILURE).is_file() else "building"

    @property
    def build(self) -> Build | None:
        """What the manifest tells of; None until it is there."""
        if self.folder is None:
            return None
        try:
            path = self.folder / MANIFEST
            changed_ns = path.stat().st_mtime_ns
            if self._read is None or self._read[0] != changed_ns:
                self._read = (changed_ns, _build_of(json.loads(path.read_text())))
        except (OSError, ValueError, LookupError):
            return None
        return self._read[1]

    def status(self) -> dict[str, Any]:
        """As the page reads it."""
        build, state = self.build, self.state
        return {
            "state": state,
            "build": build.name if build else None,
            "manifest": f"/{MANIFEST}",
            "runtime": build.runtime if build else None,
            "bytes": build.sizes if build else None,
            "log": self._log() if state == "failed" else None,
            "remedy": _REMEDIES.get(state),
        }

    def _log(self) -> str:
        assert self.folder is not None
        return (self.folder / FAILURE).read_text(errors="replace")[-_LOG_CHARACTERS:]


_REMEDIES = {
    "absent": f"This copy of wherry came without the tab's Python. In a checkout, `{_BUILD}` makes it; "
    "then `wherry demo --site .build/site`.",
    "failed": f"Run `{_BUILD}` to see what went wrong; the page goes on when it is done.",
}


def _build_of(manifest: dict[str, Any]) -> Build:
    name = str(manifest["build"])
    folder = f"/{name}/"
    prefix = manifest["runtime"]
    files = [sizes for path, sizes in manifest["files"].items() if path.startswith(prefix)]
    totals = {form: sum(sizes.get(form, sizes["raw"]) for sizes in files) for form in ("raw", "br", "gz")}
    return Build(name, folder + prefix, totals)


def find_site(given: Path | None) -> Site:
    """The site of `--site`, which may still be building, or the one that this checkout has built."""
    if given is not None:
        return Site(given, expected=True)
    checkout = Path(__file__).resolve().parents[3]
    built = checkout / ".build" / "site"
    return Site(built if (checkout / "build.py").is_file() and built.is_dir() else None)
