"""Runs in Pyodide: a store opened by its URL, and what Python hears when that fails."""

from __future__ import annotations

import json

from wherry import open_storage
from wherry.errors import WherryError
from wherry.messages import NewJob
from wherry.storage.faults import error_data


async def keep_one(name: str) -> str:
    """Add a job in one opening of the store and find it in the next; returns its input."""
    payload = json.dumps({"big": 2**60, "text": "Fähre"}, ensure_ascii=False)
    async with open_storage(f"indexeddb:{name}") as storage:
        await storage.add([NewJob("a", "", "q", "t", payload)])
    async with open_storage(f"indexeddb:{name}") as storage:
        return (await storage.get(["a"]))["a"].input


async def failure(name: str) -> str:
    """The error of opening a store: its class, code and data as JSON."""
    try:
        async with open_storage(f"indexeddb:{name}"):
            return "null"
    except WherryError as error:
        return json.dumps([type(error).__name__, error.code, error_data(error)])


async def failure_after(name: str, action: str) -> str:
    """The code of the error of a verb, after the store was left or deleted."""
    storage = open_storage(f"indexeddb:{name}")
    try:
        async with storage:
            if action == "delete":
                import wherry_idb  # pyright: ignore[reportMissingImports] - the JavaScript module

                await wherry_idb.deleteStore(name)
                await storage.get(["a"])
        await storage.get(["a"])
    except WherryError as error:
        return error.code
    return ""


def refusal(url: str) -> str:
    """What Python says of a URL that no browser can open."""
    try:
        open_storage(url)
    except WherryError as error:
        return f"{error.code}: {error}"
    return ""
