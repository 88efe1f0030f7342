"""The wheels: ours, built by hatchling, and the pinned ones of the tab's runtime, fetched by pip."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tools.paths import (
    BUILD,
    DIST,
    NODE_MODULES,
    ROOT,
    RUNTIME_PINS,
    SOURCES,
    TOOLS,
    VENDOR,
    VENV_PYTHON,
    WHEELS,
)
from tools.scripts import put_into_wheel, shipped_files
from tools.shell import run, run_download
from tools.stamps import digest, exclusive, files_below, is_fresh, mark_fresh
from tools.terminal import BuildError, size, step
from wherry_server.site.pins import PLATFORM, Pin, pinned

# From npm packages into the static files: (file in node_modules, name in vendor/).
VENDORED = (
    ("comlink/dist/esm/comlink.min.mjs", "comlink.min.mjs"),
    ("comlink/dist/esm/comlink.d.ts", "comlink.min.d.mts"),
    ("comlink/dist/esm/protocol.d.ts", "protocol.d.ts"),
    ("comlink/LICENSE", "comlink.LICENSE.txt"),
)
SOURCE_MAP_LINE = re.compile(rb"^//# sourceMappingURL=.*\n?", re.MULTILINE)


def fetch_runtime_wheels() -> list[Path]:
    """Download the pinned wheels that are not there yet and return them all; pip refuses a wrong hash.

    What was downloaded before a failure is in pip's cache, so that the next run does not fetch it again.
    """
    pins = pinned()
    WHEELS.mkdir(parents=True, exist_ok=True)
    with exclusive("wheels"):
        missing = [pin for pin in pins if pin.file(WHEELS) is None]
        if missing:
            fetch(missing)
    paths = [pin.file(WHEELS) for pin in pins]
    if None in paths:
        raise BuildError(
            "pip reported success, but a wheel is missing.", remedy=f"Remove {WHEELS} and run again."
        )
    return [path for path in paths if path]


def fetch(pins: list[Pin]) -> None:
    """Download pinned wheels for the tab's platform."""
    # Hashes can be given to pip in a file only.
    requirements = WHEELS / "missing.txt"
    requirements.write_text("".join(f"{pin.requirement()}\n" for pin in pins))
    pip = [VENV_PYTHON, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    run_download(
        [*pip, *PLATFORM, "--require-hashes", "--dest", WHEELS, "--requirement", requirements],
        log="runtime-wheels",
        remedy=f"If a version is gone or its hash differs, correct {RUNTIME_PINS}.",
    )


def copy_vendored() -> None:
    """Copy the JavaScript libraries, exact versions of npm, beside our own static files."""
    VENDOR.mkdir(parents=True, exist_ok=True)
    for source, name in VENDORED:
        # Their source maps are not shipped: without the line, developer tools do not look for them.
        data = SOURCE_MAP_LINE.sub(b"", (NODE_MODULES / source).read_bytes())
        target = VENDOR / name
        if not target.is_file() or target.read_bytes() != data:
            target.write_bytes(data)


def build_wheel(node: Path) -> Path:
    """Build `dist/wherry-<version>-py3-none-any.whl` if a source changed, and return it."""
    copy_vendored()
    shipped = shipped_files(node)
    with step("wheel") as current, exclusive("wheel"):
        inputs = [ROOT / "pyproject.toml", ROOT / "README.md", ROOT / "LICENSE", TOOLS / "scripts.py"]
        inputs += files_below(*SOURCES)
        key = digest([path for path in inputs if path.is_file()])
        wheel = find_wheel()
        if wheel and is_fresh("wheel", key, wheel):
            current.unchanged = True
            return wheel
        wheel = make_wheel()
        put_into_wheel(wheel, shipped)
        mark_fresh("wheel", key)
        current.note = f"{wheel.name}, {size(wheel.stat().st_size)}"
    return wheel


def find_wheel() -> Path | None:
    """Return the wheel in `dist/`, if any."""
    return next(iter(sorted(DIST.glob("wherry-*.whl"))), None)


def make_wheel() -> Path:
    """Run pip on this checkout.  (`python -m build` would start our own build.py.)"""
    fresh = BUILD / "fresh-wheel"
    shutil.rmtree(fresh, ignore_errors=True)
    pip = [VENV_PYTHON, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check"]
    remedy = "Read the log: hatchling says which file or setting of pyproject.toml it misses."
    run([*pip, ".", "--no-deps", "--no-build-isolation", "--wheel-dir", fresh], log="wheel", remedy=remedy)
    # Only a finished wheel takes the old one's place.
    built = next(fresh.glob("wherry-*.whl"))
    DIST.mkdir(exist_ok=True)
    for old in DIST.glob("wherry-*.whl"):
        old.unlink()
    return Path(shutil.move(built, DIST / built.name))
