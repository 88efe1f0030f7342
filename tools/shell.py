"""Run other programs: output into a log, retries for downloads, failures with a remedy."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.paths import LOGS, ROOT
from tools.terminal import BuildError

SHOWN_LOG_LINES = 25
PAUSES_S = (1.0, 4.0)

# What pip, npm, apt and curl print when the other side cannot be reached.
NETWORK_SIGNS = (
    "Temporary failure in name resolution", "Temporary failure resolving", "Name or service not known",
    "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "Network is unreachable",
    "Connection refused", "NewConnectionError", "ReadTimeoutError", "ConnectTimeoutError", "No route to host",
)  # fmt: skip
NETWORK_REMEDY = (
    "No network, or a proxy is in the way. Check the connection (and the index settings of pip and npm), "
    "then run the same command again: what is downloaded already is kept."
)


def run(
    command: Sequence[str | Path],
    *,
    log: str,
    remedy: str,
    env: Mapping[str, str] | None = None,
    text: str = "",
) -> str:
    """Run a program quietly from the root and return its output, which is kept in `.build/logs`.

    Args:
        command: the program with its arguments.
        log: name of the log file, without suffix.
        remedy: what to do if it fails for a reason of its own; a failed network has its own remedy.
        env: variables added to ours.
        text: its standard input; empty means that it reads nothing, so that it can never wait for an answer.

    Raises:
        BuildError: it is absent or ended with another code than 0; the end of its output is in the message.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            cwd=ROOT, env={**os.environ, **(env or {})}, check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise BuildError(f"{words[0]} is not installed.", remedy=remedy) from error
    keep_log(log, words, done.stdout)
    if done.returncode:
        raise failure(words, done.returncode, done.stdout, log=log, remedy=remedy)
    return done.stdout


def run_download(
    command: Sequence[str | Path], *, log: str, remedy: str, env: Mapping[str, str] | None = None
) -> str:
    """Run a program that downloads; try again after a pause, for networks fail for a moment."""
    for pause_s in PAUSES_S:
        try:
            return run(command, log=log, remedy=remedy, env=env)
        except BuildError as error:
            if error.remedy != NETWORK_REMEDY:
                raise
            time.sleep(pause_s)
    return run(command, log=log, remedy=remedy, env=env)


def keep_log(log: str, words: Sequence[str], output: str) -> None:
    """Write what a program printed to `.build/logs/<log>.log`."""
    LOGS.mkdir(parents=True, exist_ok=True)
    (LOGS / f"{log}.log").write_text(f"$ {' '.join(words)}\n{output}")


def failure(words: Sequence[str], code: int, output: str, *, log: str, remedy: str) -> BuildError:
    """Make the error of a program that ended with `code`, with the remedy for what its output tells."""
    lines = output.rstrip().splitlines()[-SHOWN_LOG_LINES:]
    shown = "\n".join(f"    | {line}" for line in lines)
    place = (LOGS / f"{log}.log").relative_to(ROOT)
    offline = any(sign in output for sign in NETWORK_SIGNS)
    name = " ".join([Path(words[0]).name, *words[1:4]])
    return BuildError(
        f"`{name} ...` ended with code {code} (whole output in {place}):\n{shown}",
        remedy=NETWORK_REMEDY if offline else remedy,
    )
