"""Runs in PyScript: submits a job, and works for the same queue."""

from pyscript import document
from pyscript.js_modules import wherry_idb

from wherry import Client, Context, Server, open_storage, task
from wherry_web.indexeddb import use_module


@task(name="text.count")
async def count_words(text: str, context: Context) -> int:
    context.progress(50, "halfway")
    return len(text.split())


# The store's own JavaScript, which start.js names.
use_module(wherry_idb)

async with open_storage("indexeddb:pyscript") as storage, Server(storage, [count_words]) as server:
    client = Client(storage)
    client.attach(server)
    handle = await client.submit(count_words, "one two three")  # noqa: F704
    document.querySelector("#result").value = str(await handle.result())  # noqa: F704
