"""The app: `/` is the site that `wherry site` made, `/queue` is the server's queue."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import jobs
from starlette.applications import Starlette
from starlette.routing import Mount

from wherry import Server, open_storage
from wherry_server import SiteFiles, create_app

STORAGE = open_storage("sqlite:jobs.db")
# Whoever has the page may submit and watch; a worker elsewhere needs another token.
TOKENS = {os.environ.get("WHERRY_TOKEN", "demo"): ["observe", "submit"]}


@asynccontextmanager
async def working(_: Starlette) -> AsyncGenerator[None]:
    """The server's own worker runs as long as the app."""
    async with STORAGE, Server(STORAGE, [jobs.count_words]):
        yield


app = Starlette(
    routes=[
        Mount("/queue", create_app(STORAGE, tokens=TOKENS, tasks=[jobs.count_words])),
        Mount("/", SiteFiles("public")),
    ],
    lifespan=working,
)
