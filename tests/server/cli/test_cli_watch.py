"""`wherry watch` of a server that goes away, comes back, and withdraws the token."""

from __future__ import annotations

import asyncio

import pytest

from wherry import Client, Unauthorized, create_task, open_storage
from wherry.storage.protocol import Storage
from wherry_server.app import create_app
from wherry_server.auth import SCOPES
from wherry_server.cli import watch
from wherry_server.cli.screen import Screen
from wherry_server.serving import serving

ECHO = create_task("echo", lambda value: value)


def app(storage: Storage, token: str):
    return create_app(storage, tokens={token: SCOPES}, tasks=[ECHO])


async def said(capsys: pytest.CaptureFixture[str], words: str) -> None:
    """Wait until the command has said it, on either stream."""
    text = ""
    async with asyncio.timeout(20):
        while words not in text:
            await asyncio.sleep(0.02)
            text += "".join(capsys.readouterr())


async def test_watch_goes_on_after_a_restart_and_ends_when_its_token_is_withdrawn(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "ASK_S", 0.2)
    async with open_storage("memory:") as storage:
        async with serving(app(storage, "old")) as address:
            watching = asyncio.create_task(watch.follow(Screen(), address.url, "old", None))
            await said(capsys, "Ctrl-C ends")
        await said(capsys, "Watching goes on when it answers")

        async with serving(app(storage, "old"), port=address.port):
            job = await Client(storage).submit(ECHO, 1)
            await said(capsys, f"added        {job.id[-12:]}  echo")

        async with serving(app(storage, "new"), port=address.port):
            with pytest.raises(Unauthorized):
                await asyncio.wait_for(watching, 20)
