"""Runs `wherry site` as somebody would who has installed wherry's wheel and knows no checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tools import paths
from wherry_server.site.pins import PYODIDE
from wherry_server.site.tab_wheels import wheel_metadata
from wherry_server.site.zips import with_record, write_members

JOBS = """
from datetime import datetime
import rowboats
from wherry import Context, task
from app.words import shout


@task(name="boats.count")
async def count(names: list[str], context: Context) -> dict[str, int]:
    context.progress(50, "halfway")
    return {shout(name): rowboats.oars_of(name) for name in names}


@task(name="text.count", timeout=30.0)
def count_words(text: str) -> int:
    return len(text.split())
"""
APP = {
    "app/__init__.py": "",
    "app/jobs.py": JOBS,
    "app/words.py": "def shout(text):\n    return text.upper()\n",
    "app/settings.py": "SECRET = 'keep me at home'\n",
}
PACKAGES = {
    "rowboats": (
        "import oars\ndef oars_of(name):\n    return oars.PAIR * len(name)\n",
        'oars; sys_platform == "emscripten"',
    ),
    "oars": ("PAIR = 2\n", 'winch; sys_platform == "linux"'),
    "winch": ("import fcntl\n", ""),
}


class Made(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str


def make_wheel(folder: Path, name: str, source: str, needs: str = "", version: str = "1.2") -> Path:
    """Write a pure wheel of one module."""
    members = {f"{name}.py": source.encode(), **wheel_metadata(name, version, "For a test", "MIT")}
    info = f"{name}-{version}.dist-info"
    if needs:
        members[f"{info}/METADATA"] += f"Requires-Dist: {needs}\n".encode()
    path = folder / f"{name}-{version}-py3-none-any.whl"
    write_members(path, with_record(members, info))
    return path


class Workplace:
    """An installed wherry, an app, an index of its own and a cache.

    Args:
        folder: empty.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.app = folder, folder / "project"
        self._installed, self._index, self._cache = (
            folder / name for name in ("installed", "index", "cache")
        )
        with zipfile.ZipFile(next(paths.DIST.glob("wherry-*.whl"))) as wheel:
            wheel.extractall(self._installed)
        self._index.mkdir()
        for name, (source, needs) in PACKAGES.items():
            make_wheel(self._index, name, source, needs)
        self.write(APP)
        self._fill_cache()

    def write(self, files: Mapping[str, str]) -> None:
        """Put files into the app."""
        for name, text in files.items():
            path = self.app / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def _fill_cache(self) -> None:
        """What the build has fetched and compiled is the same: neither is done again."""
        for name in ("compiled", "packed"):
            shutil.copytree(paths.CACHE / name, self._cache / name, copy_function=os.link)
        shutil.copytree(paths.WHEELS, self._cache / "wheels", copy_function=os.link)
        shutil.copytree(
            paths.NODE_MODULES / "pyodide", self._cache / f"pyodide-{PYODIDE}", copy_function=os.link
        )

    def run(self, *arguments: str) -> Made:
        """Run `wherry ARGUMENTS` in the app's folder."""
        env = {
            **os.environ,
            "PYTHONPATH": str(self._installed),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self._index),
            "WHERRY_CACHE": str(self._cache),
        }
        command = [sys.executable, "-m", "wherry_server.cli", *arguments]
        done = subprocess.run(command, cwd=self.app, env=env, capture_output=True, text=True, check=False)
        return Made(done.returncode, done.stdout, done.stderr)

    def site(self, name: str = "public") -> Path:
        """Make the app's site and return its folder."""
        made = self.run("site", name, "--tasks", "app.jobs", "--packages", "rowboats")
        assert made.code == 0, made.err
        return self.app / name
