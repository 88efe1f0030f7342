"""Arguments and options that commands share."""

from __future__ import annotations

import os
import re
from typing import Annotated
from urllib.parse import urlsplit

import typer

STORAGE_VARIABLE = "WHERRY_STORAGE"
TOKEN_VARIABLE = "WHERRY_TOKEN"
DEFAULT_PORT = 8420
"""That of `wherry_server.serving`, which takes long to import."""
_STORAGE = re.compile(r"(?:memory|sqlite|indexeddb|postgres(?:ql)?|dir|https?|sqs|at):", re.IGNORECASE)

StorageArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="STORAGE",
        show_default=False,
        help=f"sqlite:jobs.db or http://127.0.0.1:8420; or set {STORAGE_VARIABLE}.",
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token", metavar="TOKEN", help=f"For a wherry server; else {TOKEN_VARIABLE}.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def storage_first(*given: str | None) -> tuple[str, list[str | None]]:
    """The storage's URL and the arguments behind it.

    With `WHERRY_STORAGE` set, the first argument is the storage only if it is spelled as one: a task
    may be named `email:send`, so that only the known kinds count.

    Raises: `typer.BadParameter` when no storage is named, or there is one argument too many.
    """
    default = os.environ.get(STORAGE_VARIABLE)
    first, *others = given
    if default and (first is None or not _STORAGE.match(first)):
        *others, surplus = given
        if surplus is not None:
            raise typer.BadParameter(
                f"{surplus!r} is one argument too many: the storage comes from {STORAGE_VARIABLE}."
            )
        return default, others
    if first is None:
        raise typer.BadParameter(
            f"no storage is named: give one first, such as sqlite:jobs.db, or set {STORAGE_VARIABLE}."
        )
    return first, others


def split_token(url: str) -> tuple[str, str | None]:
    """An address as `wherry serve` prints it, parted into the URL and the token of its fragment."""
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https") or not parts.fragment.startswith("token="):
        return url, None
    return parts._replace(fragment="").geturl(), parts.fragment.removeprefix("token=")
