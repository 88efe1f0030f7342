"""`wherry site`: everything from what is installed, the user's cache, npm and the package index."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from wherry_server.site import fetching, programs, publish
from wherry_server.site.modules import Module, find_modules
from wherry_server.site.publish import App
from wherry_server.site.runtime import Archive, build_runtime, runtime_info
from wherry_server.site.shop import Shop, SiteError
from wherry_server.site.start import write_start_page
from wherry_server.site.tab_wheels import wheel_metadata, write_tab_wheel
from wherry_server.site.zips import with_record, write_members

APP = "wherry_site_tasks"
VERSION = "0"
NOT_SHIPPED = ("demo/", "demos/")
"""Static files that are no part of a site."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What a site shall be."""

    folder: Path
    tasks: Sequence[str] = ()
    packages: Sequence[str] = ()
    quality: int = publish.QUICK
    check: bool = True
    """Import the tasks once in the tab's Python before anything is published."""


def make_site(order: Order, tell: Tell = lambda _: None) -> dict[str, Any]:
    """Make a site, or a new build of one, and return its manifest; `start` in it names the pages written.

    Args:
        order: what to make.
        tell: told of each step as it begins.

    Raises: `SiteError`; the site that is there stays as it is.
    """
    named, modules = find_modules(order.tasks, ["", *sys.path])
    cache = programs.cache_folder()
    tell("Node.js")
    node = programs.find_node(cache)
    tell("the tab's Python")
    pyodide = fetching.fetch_pyodide(cache, node)
    with tempfile.TemporaryDirectory(dir=cache) as name:
        return Making(order, Shop(node, pyodide, cache, Path(name), programs.run), tell).make(named, modules)


class Making:
    """One site being made."""

    def __init__(self, order: Order, shop: Shop, tell: Tell) -> None:
        self._order, self._shop, self._tell = order, shop, tell

    def make(self, named: Sequence[Module], modules: Sequence[Module]) -> dict[str, Any]:
        """Make it of the app's modules, of which `named` hold tasks."""
        order, shop = self._order, self._shop
        app, runtime = self._parts(named, modules)
        sources = static_files() | {f"runtime/{name}": path for name, path in runtime.items()}
        if app.wheel:
            sources[f"app/{app.wheel.name}"] = app.wheel
        self._tell("compression")
        files = publish.compress(shop, sources, order.quality)
        order.folder.mkdir(parents=True, exist_ok=True)
        folder = publish.lay_out(order.folder, files)
        try:
            trial = self._try(folder, app)
        except SiteError:
            publish.withdraw(folder)
            raise
        manifest = publish.write_manifest(shop, folder, files, app, quality=order.quality, **trial)
        publish.prune_builds(order.folder, folder.name)
        return {
            **manifest,
            "modules": [module.path for module in modules],
            "start": write_start_page(order.folder),
        }

    def _parts(self, named: Sequence[Module], modules: Sequence[Module]) -> tuple[App, Mapping[str, Path]]:
        shop, cache = self._shop, self._shop.cache
        self._tell("packages")
        python = runtime_info(shop)["python"]
        wheels = [write_own_wheel(shop.made), *fetching.fetch_pinned(cache)]
        more, names = fetching.fetch_packages(self._order.packages, python, shop.made / "packages")
        self._tell("compiling, which takes half a minute the first time")
        runtime = build_runtime(shop, [Archive(path) for path in [*wheels, *more]], with_sources=False)
        if not modules:
            return App(packages=names), runtime
        return App(write_app_wheel(shop.made, named, modules), names), runtime

    def _try(self, folder: Path, app: App) -> dict[str, Any]:
        """The packages that the tasks load (`needed`), and what the `tasks` tell of themselves."""
        if not self._order.check:
            lock = json.loads((folder / "runtime" / "pyodide-lock.json").read_text())
            return {"needed": list(lock["packages"]), "tasks": []}
        self._tell("a trial in the tab's Python")
        report = publish.verify(self._shop, folder, app)
        return {"needed": report["needed"], "tasks": report.get("tasks", [])}


def static_files() -> dict[str, Path]:
    """wherry's own files for browsers, by their names in a build."""
    static = package_folder("wherry_web") / "static"
    files = {
        path.relative_to(static).as_posix(): path for path in sorted(static.rglob("*")) if path.is_file()
    }
    return {name: path for name, path in files.items() if not name.startswith(NOT_SHIPPED)}


def package_folder(name: str) -> Path:
    """Where an installed package lies."""
    found = find_spec(name)
    assert found is not None, name
    assert found.submodule_search_locations, name
    return Path(next(iter(found.submodule_search_locations)))


def write_own_wheel(folder: Path) -> Path:
    """Write the wheel of the wherry that is installed, for the tab."""
    installed = metadata.distribution("wherry")
    members: dict[str, bytes] = {}
    for package in ("wherry", "wherry_web"):
        root = package_folder(package)
        files = (
            path for path in sorted(root.rglob("*")) if path.is_file() and "__pycache__" not in path.parts
        )
        members |= {f"{package}/{path.relative_to(root).as_posix()}": path.read_bytes() for path in files}
    info = f"wherry-{installed.version}.dist-info"
    for name in ("METADATA", "WHEEL", "licenses/LICENSE"):
        members[f"{info}/{name}"] = (installed.read_text(name) or "").encode()
    target = folder / f"wherry-{installed.version}-py3-none-any.whl"
    write_tab_wheel(members, target)
    return target


def write_app_wheel(folder: Path, named: Sequence[Module], modules: Sequence[Module]) -> Path:
    """Write the app's modules as a wheel, sources as they are, so that tracebacks show their lines."""
    members = {module.path: module.file.read_bytes() for module in modules}
    members |= wheel_metadata(
        APP.replace("_", "-"), VERSION, "The task modules of this site", "see the sources"
    )
    points = "".join(f"{module.name} = {module.name}\n" for module in named)
    info = f"{APP}-{VERSION}.dist-info"
    members[f"{info}/entry_points.txt"] = f"[wherry.tasks]\n{points}".encode()
    target = folder / f"{APP}-{VERSION}-py3-none-any.whl"
    write_members(target, with_record(members, info))
    return target
