"""`build.py demo`: the server is up first, the tab's runtime finishes behind it."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from tools import browser, site
from tools.paths import LOGS, ROOT, SITE, VENV_BIN, VENV_PYTHON
from tools.terminal import BuildError, say, tick

INTERRUPTED = (-signal.SIGTERM, -signal.SIGINT, 130)
FAILURE = SITE / "failure.txt"
"""Why there is no site; the demo's server tells it to the page."""


def start_server(options: Sequence[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start `wherry demo` on the site, which may still be incomplete: it waits for `manifest.json`.

    Raises:
        BuildError: the environment has no `wherry` command.
    """
    program = VENV_BIN / "wherry"
    if not program.is_file():
        raise BuildError("The environment has no `wherry` command.", remedy="Run `python3 build.py setup`.")
    command = [program, "demo", "--site", SITE, *options]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **env})


def run_checked(options: Sequence[str]) -> int:
    """Play the demo headless on a complete site; the server's exit code is ours."""
    chromium = browser.ensure()
    return wait_for(start_server(options, {browser.VARIABLE: str(chromium)}))


def run_open(wheel: Path, options: Sequence[str]) -> int:
    """Serve the demo at once and build the site beside it if it is missing or outdated."""
    builder = None if site.withdraw_stale(wheel) else start_builder()
    if builder is None:
        tick("tab runtime", 0, "unchanged")
    else:
        say("  … tab runtime: first time only, 8 MB; it follows behind the server")
    server = start_server(options, {})
    if builder is not None:
        threading.Thread(target=report, args=(builder, time.monotonic()), daemon=True).start()
    try:
        return wait_for(server)
    finally:
        if builder is not None and builder.poll() is None:
            builder.terminate()


def start_builder() -> subprocess.Popen[bytes]:
    """Start `build.py site --quick`, its output in a log."""
    LOGS.mkdir(parents=True, exist_ok=True)
    FAILURE.unlink(missing_ok=True)
    command = [str(VENV_PYTHON), str(ROOT / "build.py"), "site", "--quick"]
    with (LOGS / "site.log").open("wb") as log:
        return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def report(builder: subprocess.Popen[bytes], started_s: float) -> None:
    """Say how the build of the site ended."""
    code = builder.wait()
    seconds = time.monotonic() - started_s
    if code == 0:
        tick("tab runtime", seconds, "the tab can start Python now")
    elif code not in INTERRUPTED:
        tick("tab runtime", seconds, mark="✗")
        log = (LOGS / "site.log").read_text(errors="replace")
        say(log, error=True)
        SITE.mkdir(parents=True, exist_ok=True)
        FAILURE.write_text(log)


def wait_for(server: subprocess.Popen[bytes]) -> int:
    """Wait for the server; Ctrl-C reaches it by itself, and it says what it leaves behind."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.terminate()

    signal.signal(signal.SIGTERM, stop)
    while True:
        try:
            return server.wait()
        except KeyboardInterrupt:
            continue
