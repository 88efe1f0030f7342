"""What a worker and its task processes say to each other, pickled, over two pipes."""

from __future__ import annotations

from typing import Any, NamedTuple

from wherry.messages import Claimed

SCRIPT = "__wherry_script__"
"""The name of a script that was started by its path, in a task process: not `__main__`, so that only its
definitions run there."""


class Place(NamedTuple):
    """Where a task is found: a name in a module, or in the script at `path`."""

    module: str
    attribute: str
    path: str | None = None


class Order(NamedTuple):
    """Run this job; answered by `Began`, any number of `Report`s and `Asked`, and a `Settlement`."""

    place: Place
    job: Claimed
    max_payload: int


class Began(NamedTuple):
    """The order has been heard: from now on an end of the process is the job's own."""


class Asked(NamedTuple):
    """The handler wants something of its worker's client; `number` tells the answers apart."""

    number: int
    verb: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]


class Answer(NamedTuple):
    number: int
    value: Any
    error: tuple[str, str, dict[str, object]] | None = None
    """Code, message and data of a WherryError."""
