"""The static files as they are shipped: our own scripts bundled and minified, everything else as it is.

People read the sources in the repository; a visit should pay neither for their comments nor for their number.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

from tools.paths import BUILD, ROOT, STATIC, TOOLS, VENDOR
from tools.shell import run
from tools.stamps import digest, exclusive, files_below, is_fresh, mark_fresh
from tools.terminal import step
from wherry_server.site.zips import dist_info_of, read_members, with_record

SHIPPED = BUILD / "static"
IN_THE_WHEEL = "wherry_web/static/"

ENTRIES = ("wherry.js", "keeper.js", "executor.js", "task-keeper.js", "idb.js", "remote.js", "tasks.js")
"""What pages, browsers, Python and the build load by name; all other modules beside them go into these or
into what they import."""
ALONE = ("service-worker.js",)
"""Must be one file at the root of a site."""


def shipped_files(node: Path) -> dict[str, Path]:
    """The files to ship by their names below `static/`, made anew if a source changed."""
    with step("scripts") as current, exclusive("scripts"):
        recipe = [ROOT / "package-lock.json", TOOLS / "bundle.mjs"]
        key = digest([*files_below(STATIC), *recipe])
        if is_fresh("scripts", key, SHIPPED):
            current.unchanged = True
        else:
            ship(node)
            mark_fresh("scripts", key)
    return {path.relative_to(SHIPPED).as_posix(): path for path in files_below(SHIPPED)}


def ship(node: Path) -> None:
    """Copy all static files, then write our scripts among them anew."""
    shutil.rmtree(SHIPPED, ignore_errors=True)
    modules = [path.name for path in STATIC.glob("*.js")]
    shutil.copytree(STATIC, SHIPPED, ignore=lambda folder, _: modules if Path(folder) == STATIC else ())
    pages = [path for path in files_below(STATIC) if path.suffix == ".js" and path.parent != STATIC]
    alone = [path.relative_to(STATIC).as_posix() for path in pages if not is_as_written(path)]
    order = {
        "source": str(STATIC),
        "target": str(SHIPPED),
        "entries": ENTRIES,
        "alone": [*ALONE, *alone],
    }
    remedy = "Read the log: it names the file and line that cannot be parsed or found."
    run([node, TOOLS / "bundle.mjs"], log="scripts", remedy=remedy, text=json.dumps(order))


def is_as_written(path: Path) -> bool:
    """Tell whether a script is somebody else's, or the code that a small demo shows of itself."""
    return VENDOR in path.parents or path.parent.parent == STATIC / "demos"


def put_into_wheel(wheel: Path, shipped: dict[str, Path]) -> None:
    """Replace the static files of a wheel by the shipped ones, and its RECORD with them."""
    members = read_members(wheel)
    dist_info = dist_info_of(members)
    if dist_info is None:
        raise ValueError(f"{wheel.name} is no wheel: it has no .dist-info folder.")
    members = {name: data for name, data in members.items() if not name.startswith(IN_THE_WHEEL)}
    members |= {f"{IN_THE_WHEEL}{name}": path.read_bytes() for name, path in shipped.items()}
    part = wheel.with_name(f"{wheel.name}.part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in with_record(members, dist_info).items():
            archive.writestr(name, data)
    part.replace(wheel)
