"""Assemble the self-hosted site in `.build/site`: the recipe of `wherry_server.site` for this checkout."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools.paths import CACHE, MANIFEST, NODE_MODULES, RECIPE, ROOT, RUNTIME_PINS, SITE, STATIC, TOOLS
from tools.scripts import shipped_files
from tools.shell import run
from tools.stamps import digest, exclusive, files_below, is_fresh, mark_fresh
from tools.terminal import BuildError, say, size, step, table
from tools.wheels import fetch_runtime_wheels
from wherry_server.site import publish as site
from wherry_server.site import sizes as wire
from wherry_server.site.publish import BEST, QUICK, File
from wherry_server.site.runtime import Archive, build_runtime, pyodide_version, runtime_info
from wherry_server.site.shop import Shop, SiteError
from wherry_server.site.tab_wheels import write_tab_wheel, write_testing_wheel
from wherry_server.site.zips import read_members

REMEDY = "Read the log. `rm -r .build` makes the next run start over."
SIZES = ROOT / "docs" / "reference" / "sizes.md"
BEGIN, END = "<!-- sizes: made by build.py site --docs -->", "<!-- end of sizes -->"
LEAST_SOURCES = 500
"""Modules of the standard library that the demo reads."""


def workshop(node: Path) -> Shop:
    """Where this checkout makes its site."""

    def run_logged(command: Sequence[str | Path], log: str, text: str) -> str:
        return run(command, log=log, remedy=REMEDY, text=text)

    return Shop(node, NODE_MODULES / "pyodide", CACHE, CACHE / "made", run_logged)


def site_key(wheel: Path) -> str:
    """Hash all that the site is made from."""
    inputs = [wheel, ROOT / "package-lock.json", RUNTIME_PINS, *files_below(STATIC, RECIPE)]
    return digest([*inputs, *sorted(TOOLS.glob("*.mjs")), TOOLS / "site.py", TOOLS / "scripts.py"])


def is_complete(wheel: Path) -> bool:
    """Tell whether the site is there and made from these very inputs."""
    key = site_key(wheel)
    return is_fresh("site", f"{QUICK} {key}", MANIFEST) or is_fresh("site", f"{BEST} {key}", MANIFEST)


def withdraw_stale(wheel: Path) -> bool:
    """Take the manifest of an outdated site away; tell whether the site is complete."""
    if is_complete(wheel):
        return True
    MANIFEST.unlink(missing_ok=True)
    return False


def build_site(node: Path, wheel: Path, *, quality: int) -> dict[str, Any]:
    """Make the site if an input changed, and return its manifest.

    Args:
        node: the Node program.
        wheel: wherry's own wheel.
        quality: of brotli, `QUICK` or `BEST`; a site made with `BEST` also satisfies `QUICK`.
    """
    with exclusive("site"):
        key = site_key(wheel)
        wanted = [f"{known} {key}" for known in (QUICK, BEST) if known >= quality]
        if any(is_fresh("site", stamp, MANIFEST) for stamp in wanted):
            with step("tab runtime") as current:
                current.unchanged = True
        else:
            publish(workshop(node), wheel, quality)
            mark_fresh("site", f"{quality} {key}")
    manifest: dict[str, Any] = json.loads(MANIFEST.read_text())
    return manifest


def publish(shop: Shop, wheel: Path, quality: int) -> None:
    """Make everything and let the manifest tell of it when all is in place and works."""
    shipped = shipped_files(shop.node)
    with step("tab runtime") as current:
        runtime = build_runtime(shop, wheels_of(shop, wheel), with_sources=True)
        current.note = f"Pyodide {pyodide_version(shop)}, Python {runtime_info(shop)['python']}"
    with step("compression") as current:
        sources = {f"runtime/{name}": path for name, path in runtime.items()}
        files = site.compress(shop, sources | shipped, quality)
        current.note = f"brotli {quality}, {size(site.wire_size(files))} in all"
    SITE.mkdir(exist_ok=True)
    with step("tab runtime works") as current:
        folder = site.lay_out(SITE, files)
        report = verified(shop, folder)
        current.note = f"pydantic {report['pydantic']}, {report['sources']} modules with sources"
    packages = json.loads((folder / "runtime" / "pyodide-lock.json").read_text())["packages"]
    # Whoever copies this site has tasks of his own: all but what only the demo and tests read.
    needed = [name for name in packages if name not in ("stdlib-sources", "wherry-testing")]
    site.write_manifest(shop, folder, files, site.App(), needed=needed, quality=quality)
    site.prune_builds(SITE, folder.name)
    prune_cache(files)


def wheels_of(shop: Shop, wheel: Path) -> list[Archive]:
    """The packages of this site, uncompiled."""
    shop.made.mkdir(parents=True, exist_ok=True)
    tab, testing = shop.made / wheel.name, shop.made / wheel.name.replace("wherry-", "wherry_testing-")
    members = read_members(wheel)
    write_tab_wheel(members, tab)
    write_testing_wheel(members, testing)
    # The cases keep their asserts, of which they are made.
    return [Archive(tab), Archive(testing, optimize=0), *map(Archive, fetch_runtime_wheels())]


def verified(shop: Shop, folder: Path) -> dict[str, Any]:
    """Boot the runtime and return its report.  Raises: BuildError."""
    try:
        return site.verify(shop, folder, site.App(), least_sources=LEAST_SOURCES)
    except SiteError as error:
        raise BuildError(str(error), remedy=REMEDY) from error


def prune_cache(files: dict[str, File]) -> None:
    """Keep in the cache what this build used; without this it would grow with every edit."""
    used = {path for file in files.values() for path in (file.source, file.br, file.gz)}
    for path in (CACHE / "packed").iterdir():
        if path not in used:
            path.unlink()
    for folder in (CACHE / "compiled").iterdir():
        if used.isdisjoint(folder.iterdir()):
            shutil.rmtree(folder)


def print_sizes(manifest: dict[str, Any], *, least: int = 20_000) -> None:
    """Print what travels on the wire, in bytes for people; files under `least` bytes are summed up."""
    rows: list[tuple[str, ...]] = []
    small = {"raw": 0, "br": 0, "gz": 0}
    total = dict(small)
    for name, sizes in manifest["files"].items():
        full = {form: sizes.get(form, sizes["raw"]) for form in total}
        for form, count in full.items():
            total[form] += count
            small[form] += count if sizes["raw"] < least else 0
        if sizes["raw"] >= least:
            rows.append((name, *(size(full[form]) for form in total)))
    rows.append(("smaller files", *(size(count) for count in small.values())))
    rows.append(("all", *(size(count) for count in total.values())))
    say()
    table(("file", "raw", "brotli", "gzip"), rows)


def print_groups(manifest: dict[str, Any]) -> None:
    """Print what a visitor fetches, by what it is for."""
    say()
    table(("what a visitor fetches", "raw", "brotli", "gzip"), [*wire.rows(manifest)])


def write_table(manifest: dict[str, Any]) -> None:
    """Put the sizes into the docs; a test holds them against the build."""
    head = "| part | raw | brotli | gzip |\n|---|---|---|---|\n"
    lines = [f"| {' | '.join(row)} |\n" for row in wire.rows(manifest)]
    before, _, rest = SIZES.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    SIZES.write_text(f"{before}{BEGIN}\n{head}{''.join(lines)}{END}{after}")
