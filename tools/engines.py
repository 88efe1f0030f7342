"""Find or install the browsers besides Chromium: Firefox, WebKitGTK with its driver, a virtual screen."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tools import apt
from tools.terminal import BuildError, step

PACKAGES = ("firefox-esr", "webkit2gtk-driver", "xvfb")
LIBRARIES = Path("/usr/lib")
"""Debian keeps MiniBrowser beside the library, outside the path."""


def firefox() -> str | None:
    """The program, or what `WHERRY_FIREFOX` names."""
    return _named("WHERRY_FIREFOX") or shutil.which("firefox-esr") or shutil.which("firefox")


def webkit_driver() -> str | None:
    return shutil.which("WebKitWebDriver")


def minibrowser() -> str | None:
    """The program, or what `WHERRY_MINIBROWSER` names; the newest where several are installed."""
    found = sorted(map(str, LIBRARIES.glob("*/webkit2gtk-4.*/MiniBrowser")))
    return _named("WHERRY_MINIBROWSER") or (found[-1] if found else None)


def screen() -> str | None:
    return shutil.which("Xvfb")


def missing() -> list[str]:
    """Names of the programs that are not here."""
    programs = {
        "firefox-esr": firefox(),
        "WebKitWebDriver": webkit_driver(),
        "MiniBrowser": minibrowser(),
        "Xvfb": screen(),
    }
    return [name for name, path in programs.items() if path is None]


def ensure() -> None:
    """Install what is missing, where that needs no answer from a person.

    Raises:
        BuildError: something is missing and cannot be had.
    """
    with step("firefox and webkit") as current:
        if missing() and apt.is_debian() and apt.can_install():
            apt.install(*PACKAGES)
        lacking = missing()
        if lacking:
            raise BuildError(f"Not here: {', '.join(lacking)}.", remedy=apt.by_hand(PACKAGES))
        current.note = f"{firefox()}, {minibrowser()}"


def _named(variable: str) -> str | None:
    named = os.environ.get(variable)
    return shutil.which(named) if named else None
