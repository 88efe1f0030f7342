"""The demo's app: the ordinary one, with the page and its endpoints added."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette

from wherry.storage.protocol import Storage
from wherry_server.app import create_app
from wherry_server.auth import SCOPES, Tokens
from wherry_server.demo import endpoints, pages
from wherry_server.demo.crew import Crew
from wherry_server.demo.pages import TASK_MODULES
from wherry_server.demo.site import Site
from wherry_server.demo.tasks import tasks_of


def create_demo_app(storage: Storage, *, token: str, data: Path, site: Site, crew: Crew) -> Starlette:
    """The app of `wherry demo`.

    Args:
        storage: entered; the crew's worker opens the same one.
        token: may do everything.
        data: the folder of the storage and the worker's log, told to the page.
        site: the tab's runtime, complete or not.
        crew: started and stopped by the caller.
    """
    tasks = [task for module in TASK_MODULES for task in tasks_of(module)]
    app = create_app(storage, tokens={token: SCOPES}, tasks=tasks)
    demo = endpoints.Demo(storage, data, site, crew, Tokens({token: SCOPES}))
    # Before the app's own, which answers for everything else below /api.
    app.router.routes[:0] = endpoints.routes(demo)
    app.router.routes.extend(pages.routes(site))
    return app
