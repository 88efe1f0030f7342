"""Lays out a site: everything of one build in a folder named after its content, and what points to it.

    manifest.json           written last, in one move: while it is absent, the site is not complete
    wherry.js, wherry.d.ts  what pages import: they point into the build, and are revalidated by browsers
    service-worker.js       revalidated as well
    <build>/                immutable; `build` is a hash of all names and contents in it
        wherry.js keeper.js ...      everything of web/wherry_web/static
        runtime/            pyodide.mjs, pyodide-lock.json, python_stdlib.zip, wheels ...
        app/                a wheel of the app's own task modules
        *.br *.gz           compressed siblings

`base` and `runtime` in the manifest are relative: resolve `base` against the manifest's own address and
`runtime` against that, so that a site also works below a path.  Sizes are bytes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wherry_server.site.runtime import LOCK, pyodide_version, runtime_info
from wherry_server.site.shop import HERE, Shop, SiteError, file_sha256, replace

AT_THE_ROOT = ("index.html", "service-worker.js", "wherry.d.ts")
ENTRY = "wherry.js"
"""Pages import it by an address that stays, whatever build is current."""
MANIFEST = "manifest.json"

# Best is ten times slower than quick and a tenth smaller: for what is published, not for a first look.
QUICK, BEST = 9, 11
# A tab that is open keeps asking for the build it came from.
KEPT_BUILDS = 2


@dataclass(frozen=True)
class App:
    """What a site brings besides wherry: the app's task modules and packages."""

    wheel: Path | None = None
    """Its modules, with those that hold tasks as entry points of the group `wherry.tasks`."""
    packages: Sequence[str] = ()
    """Names in the lock file, loaded before the modules."""


@dataclass(frozen=True)
class File:
    """One file of the site with its compressed forms."""

    source: Path
    sha256: str
    br: Path
    gz: Path

    def sizes(self) -> dict[str, int]:
        """Return its bytes raw and in each compressed form that is smaller."""
        raw = self.source.stat().st_size
        packed = {"br": self.br.stat().st_size, "gz": self.gz.stat().st_size}
        return {"raw": raw} | {name: count for name, count in packed.items() if count < raw}


def site_file(shop: Shop, source: Path, quality: int) -> File:
    """Say where the compressed forms of a file are kept; better ones than asked for are taken."""
    sha256 = file_sha256(source)
    packed = shop.cache / "packed"
    best = packed / f"{sha256}.{BEST}.br"
    br = best if best.is_file() else packed / f"{sha256}.{quality}.br"
    return File(source, sha256, br, packed / f"{sha256}.gz")


def compress(shop: Shop, sources: Mapping[str, Path], quality: int) -> dict[str, File]:
    """Describe the files by name, after compressing what the cache lacks."""
    files = {name: site_file(shop, path, quality) for name, path in sorted(sources.items())}
    (shop.cache / "packed").mkdir(parents=True, exist_ok=True)
    found = {file.sha256: file for file in files.values() if not (file.br.is_file() and file.gz.is_file())}
    orders = [{"source": str(file.source), "br": str(file.br), "gz": str(file.gz)} for file in found.values()]
    if orders:
        order = json.dumps({"quality": quality, "files": orders})
        shop.run([shop.node, HERE / "compress.mjs"], "compress", order)
    return files


def wire_size(files: Mapping[str, File]) -> int:
    """Return the bytes that travel to a browser which knows brotli, were it to load everything."""
    return sum(min(file.sizes().values()) for file in files.values())


def build_hash(files: Mapping[str, File]) -> str:
    """Name the build after all that is in it."""
    total = hashlib.sha256("".join(f"{name} {file.sha256}\n" for name, file in files.items()).encode())
    return total.hexdigest()[:16]


def lay_out(site: Path, files: Mapping[str, File]) -> Path:
    """Copy all files into the folder of this build, which gets its name when it is whole."""
    build = build_hash(files)
    folder, part = site / build, site / f"{build}.part"
    shutil.rmtree(part, ignore_errors=True)
    for name, file in files.items():
        target = part / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file.source, target)
        sizes = file.sizes()
        for suffix, packed in (("br", file.br), ("gz", file.gz)):
            if suffix in sizes:
                shutil.copyfile(packed, target.with_name(f"{target.name}.{suffix}"))
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return folder


def withdraw(folder: Path) -> None:
    """Take a build away again that nothing points to; one that was there before stays."""
    manifest = folder.parent / MANIFEST
    known = json.loads(manifest.read_text())["build"] if manifest.is_file() else None
    if folder.name != known:
        shutil.rmtree(folder)


def verify(shop: Shop, folder: Path, app: App, *, least_sources: int = 0) -> dict[str, Any]:
    """Boot a build's runtime under Node, import the app's tasks in it, and return the report.

    Raises:
        SiteError: it does not boot, wherry needs pydantic to load, pydantic does not validate, something
            was not compiled, fewer than `least_sources` modules have sources, or the tasks do not import.
    """
    given = {"folder": str(folder), "app": app.wheel and app.wheel.name, "packages": list(app.packages)}
    output = shop.run([shop.node, HERE / "verify.mjs"], "verify", json.dumps(given))
    report: dict[str, Any] = json.loads(output.splitlines()[-1])
    if error := report.get("error"):
        raise SiteError(error["message"], code=error["code"])
    failed = [name for name in ("alone", "validates", "stdlib_compiled") if not report[name]]
    if report["sources"] < least_sources:
        failed.append("sources")
    if failed:
        raise SiteError(f"the runtime boots, but fails on: {', '.join(failed)} ({report}).")
    return report


def write_manifest(
    shop: Shop,
    folder: Path,
    files: Mapping[str, File],
    app: App,
    *,
    needed: Sequence[str],
    quality: int,
    tasks: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Put the files of the root in place, and at last the manifest, each in one move; return it.

    Args:
        shop: where it was made.
        folder: of this build.
        files: all that is in it.
        app: what it brings.
        needed: packages that the app's tasks load, so that an offline copy has them.
        quality: of brotli.
        tasks: what the app's tasks tell a store's manifest, as far as known.
    """
    site, build = folder.parent, folder.name
    # Loaded beside the runtime they cost less time than one by one, as imports ask for them.
    app = App(app.wheel, sorted({*app.packages, *needed} - {"wherry"}))
    for name in AT_THE_ROOT:
        if name in files:
            replace(site / name, files[name].source.read_bytes())
    replace(site / ENTRY, entry(build, app, tasks).encode())
    lock = json.loads(files[f"runtime/{LOCK}"].source.read_text())["packages"]
    manifest = {
        "build": build,
        "base": f"./{build}/",
        "runtime": "runtime/",
        "pyodide": pyodide_version(shop),
        "python": runtime_info(shop)["python"],
        "wheel": lock["wherry"]["file_name"],
        "packages": {
            name: {"version": item["version"], "file": item["file_name"]} for name, item in lock.items()
        },
        "tasks": [task["name"] for task in tasks],
        "brotli": quality,
        "offline": offline_files(files, lock, needed),
        "files": {name: file.sizes() for name, file in files.items()},
    }
    replace(site / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
    return manifest


def entry(build: str, app: App, tasks: Sequence[Mapping[str, Any]]) -> str:
    """The module that pages import: wherry of this build, which opens with the app's tasks.

    What the tasks say of themselves goes along: the first submit of a first visit is stored at once, with
    the right defaults, because they were read from the code that the build holds.
    """
    lines = f'export * from "./{build}/{ENTRY}";\n'
    if app.wheel is None:
        return lines
    return lines + (
        f'import {{ open as openQueue }} from "./{build}/{ENTRY}";\n'
        f'const tasks = [new URL("./{build}/app/{app.wheel.name}", import.meta.url).href];\n'
        f"const packages = {json.dumps(list(app.packages))};\n"
        f"const known = {json.dumps(list(tasks))};\n"
        "/** Opens a queue with the tasks of this site. */\n"
        "export const open = (options) =>\n"
        "  openQueue(/^indexeddb:/.test(options?.url) ? { ...ours(options), ...options } : options);\n"
        "const ours = (options) => ({ tasks, packages, ...(options.tasks ? {} : { known }) });\n"
    )


def offline_files(files: Mapping[str, File], lock: Mapping[str, Any], needed: Sequence[str]) -> list[str]:
    """Name what a visitor without network needs: scripts, the app, and of the wheels those that are used."""
    wheels = {item["file_name"] for name, item in lock.items() if name not in needed}
    return [
        name
        for name in files
        if name.removeprefix("runtime/") not in wheels and not name.endswith((".ts", ".mts", ".txt"))
    ]


def prune_builds(site: Path, build: str) -> None:
    """Remove older builds, but the latest of them."""
    others = [path for path in site.iterdir() if path.is_dir() and is_build(path.name) and path.name != build]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[KEPT_BUILDS - 1 :]:
        shutil.rmtree(path, ignore_errors=True)


def is_build(name: str) -> bool:
    """Tell the folder of a build, whole or in the making, from a user's own."""
    stem = name.removesuffix(".part")
    return len(stem) == 16 and set(stem) <= set("0123456789abcdef")
