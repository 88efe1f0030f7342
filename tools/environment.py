"""The Python environment `.venv`: made once, entered by every command, filled as the command needs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib

from tools import apt
from tools.paths import CONSTRAINTS, ROOT, VENV, VENV_PYTHON
from tools.shell import run, run_download
from tools.stamps import digest, exclusive, is_fresh, mark_fresh
from tools.terminal import BuildError, step

# A larger profile holds the smaller one.  Hatchling makes the wheel, also for the demo.
PROFILES = {"server": ".[server]", "dev": ".[server,http,postgres,dev]"}
REMEDY_PIP = "Read the log. `rm -r .venv` makes the next run start from an empty environment."


def enter(arguments: list[str]) -> None:
    """Go on inside `.venv`, which is made if need be: does not return unless we are there already."""
    if sys.prefix == str(VENV):
        return
    with exclusive("environment"):
        if not works():
            make()
    os.execv(VENV_PYTHON, [str(VENV_PYTHON), str(ROOT / "build.py"), *arguments])


def works() -> bool:
    """Tell whether `.venv` is whole: an interrupted run leaves one without pip."""
    if not VENV_PYTHON.exists():
        return False
    probe = [str(VENV_PYTHON), "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def make() -> None:
    """Make an empty `.venv` with pip in it."""
    with step("python environment") as current:
        current.note = f"Python {sys.version.split()[0]} in .venv"
        if not has_ensurepip():
            install_ensurepip()
        remedy = "Install Python's venv module (Debian: `apt-get install python3-venv`), then run again."
        run([sys.executable, "-m", "venv", "--clear", VENV], log="venv", remedy=remedy)


def has_ensurepip() -> bool:
    """Tell whether a venv can get its pip; Debian takes ensurepip out of Python into a package of its own."""
    probe = [sys.executable, "-c", "import ensurepip, venv"]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


def install_ensurepip() -> None:
    """Get Debian's package for this very Python version."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if not shutil.which("apt-get"):
        raise BuildError(
            "This Python cannot make environments with pip (ensurepip is missing).",
            remedy="Install Python's ensurepip and venv modules from your system's packages, then run again.",
        )
    apt.install(f"python{version}-venv")


def install(profile: str) -> None:
    """Bring wherry, editable, with the libraries of a profile (`server` or `dev`) into `.venv`."""
    with step("python packages") as current, exclusive("environment"):
        keys = {
            name: digest([CONSTRAINTS], extras, str(ROOT), project()) for name, extras in PROFILES.items()
        }
        if is_fresh("packages-dev", keys["dev"]) or is_fresh(f"packages-{profile}", keys[profile]):
            current.unchanged = True
            return
        pip_install("hatchling", "pip>=23.1")
        # Our own build backend is there already: an isolated copy would only take longer.
        pip_install("--no-build-isolation", "--editable", PROFILES[profile])
        mark_fresh(f"packages-{profile}", keys[profile])


def project() -> str:
    """Return what an installation depends on in pyproject.toml: all but the settings of the checkers."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    return json.dumps([settings["project"], settings["build-system"], settings["tool"]["hatch"]])


def pip_install(*arguments: str) -> None:
    """Run `pip install` under our pinned versions."""
    pip = [VENV_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run_download([*pip, "--constraint", CONSTRAINTS, *arguments], log="pip", remedy=REMEDY_PIP)
