"""Install Debian packages where that needs no answer from a person."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from tools.shell import run, run_download
from tools.terminal import BuildError

OS_RELEASE = Path("/etc/os-release")
QUIET = {"DEBIAN_FRONTEND": "noninteractive"}


def is_debian() -> bool:
    """Tell whether this is Debian itself; Ubuntu's `chromium` is only a pointer to a snap."""
    return OS_RELEASE.is_file() and "ID=debian" in OS_RELEASE.read_text().splitlines()


def elevation() -> list[str] | None:
    """Say what goes before `apt-get`: nothing for root, `sudo` if it asks no password; None if neither."""
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n", "--preserve-env=DEBIAN_FRONTEND"]
    return None


def by_hand(packages: tuple[str, ...]) -> str:
    """Tell a person how to do what `install` does."""
    return f"Run `apt-get update && apt-get install {' '.join(packages)}` as root, then this command again."


def can_install() -> bool:
    """Tell whether `install` has a chance."""
    return shutil.which("apt-get") is not None and elevation() is not None


def install(*packages: str) -> None:
    """Install packages with apt-get; without asking, and without what they merely recommend.

    Raises:
        BuildError: there is no apt-get, we are not root and sudo asks a password, or it failed.
    """
    remedy = by_hand(packages)
    before = elevation()
    if shutil.which("apt-get") is None:
        raise BuildError(f"{', '.join(packages)}: missing, and there is no apt-get here.", remedy=remedy)
    if before is None:
        raise BuildError(f"{', '.join(packages)}: missing, and only root may install it.", remedy=remedy)
    # A bare machine has no package lists yet.  A failed update is no reason to stop: the lists may be there.
    with suppress(BuildError):
        run_download([*before, "apt-get", "update", "-q"], log="apt-update", remedy=remedy, env=QUIET)
    run(
        [*before, "apt-get", "install", "-q", "-y", "--no-install-recommends", *packages],
        log="apt-install",
        remedy=remedy,
        env=QUIET,
    )
