"""Find or install the Chromium in which the tests and `demo --check` run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tools import apt
from tools.paths import VENV_PYTHON
from tools.shell import run_download
from tools.terminal import BuildError, step

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ASK_PLAYWRIGHT = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""
VARIABLE = "WHERRY_CHROMIUM"
REMEDY = (
    "Install Chromium or Chrome from your system's packages (Debian: `apt-get install chromium`), "
    f"or name the program in the variable {VARIABLE}; then run the same command again."
)


def find() -> Path | None:
    """Return the browser: the one that `WHERRY_CHROMIUM` names, one on the path, or Playwright's own."""
    named = os.environ.get(VARIABLE)
    candidates = [named] if named else [shutil.which(name) for name in NAMES]
    for candidate in [*candidates, None if named else playwright_path()]:
        if candidate and runs(candidate):
            return Path(candidate)
    return None


def runs(program: str) -> bool:
    """Tell whether a browser starts; Ubuntu's `chromium-browser` may only say to use snap."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def playwright_path() -> str | None:
    """Ask Playwright where its own Chromium is or would be; None without Playwright."""
    done = subprocess.run([VENV_PYTHON, "-c", ASK_PLAYWRIGHT], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def ensure() -> Path:
    """Return a browser that starts, installed by apt (Debian) or by Playwright if there is none.

    Raises:
        BuildError: there is none and neither way brought one.
    """
    with step("browser") as current:
        found = find()
        if found is None:
            if os.environ.get(VARIABLE):
                raise BuildError(
                    f"{VARIABLE} names no browser that starts: {os.environ[VARIABLE]}", remedy=REMEDY
                )
            install()
            found = find()
        if found is None:
            raise BuildError("No Chromium starts here.", remedy=REMEDY)
        current.note = str(found)
    return found


def install() -> None:
    """Install Chromium the way that suits the machine."""
    if apt.is_debian() and apt.can_install():
        apt.install("chromium", "fonts-dejavu-core")
        return
    command = [VENV_PYTHON, "-m", "playwright", "install", "chromium"]
    # Its system libraries come by apt as well, where we may.
    run_download(command + (["--with-deps"] if apt.can_install() else []), log="playwright", remedy=REMEDY)
