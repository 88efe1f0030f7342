"""Assemble the self-hosted site in `.build/site`.

    manifest.json           written last, in one move: while it is absent, the site is not complete
    wherry.js, wherry.d.ts  what pages import: they point into the build, and are revalidated by browsers
    index.html, service-worker.js    copied from the static files if they are there; revalidated as well
    <build>/                immutable; `build` is a hash of all names and contents in it
        wherry.js keeper.js ...      everything of web/wherry_web/static
        runtime/            pyodide.mjs, pyodide-lock.json, python_stdlib.zip, wheels ...
        *.br *.gz           compressed siblings

`base` and `runtime` in the manifest are relative: resolve `base` against the manifest's own address and
`runtime` against that, so that a site also works below a path.  Sizes are bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.paths import CACHE, MANIFEST, ROOT, RUNTIME_PINS, SITE, STATIC, TOOLS
from tools.runtime import build_runtime, pyodide_version, runtime_info, verify
from tools.scripts import shipped_files
from tools.shell import run
from tools.stamps import digest, exclusive, file_sha256, files_below, is_fresh, mark_fresh
from tools.terminal import say, size, step, table

AT_THE_ROOT = ("index.html", "service-worker.js", "wherry.d.ts")
ENTRY = "wherry.js"
"""Pages import it by an address that stays, whatever build is current."""

# Best is ten times slower than quick and a tenth smaller: for what is published, not for a first look.
QUICK, BEST = 9, 11
REMEDY = "Read the log. `rm -r .build` makes the next run start over."
# A tab that is open keeps asking for the build it came from.
KEPT_BUILDS = 2


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


def site_key(wheel: Path) -> str:
    """Hash all that the site is made from."""
    inputs = [wheel, ROOT / "package-lock.json", RUNTIME_PINS, *files_below(STATIC)]
    return digest([*inputs, *sorted(TOOLS.glob("*.mjs")), *(TOOLS / name for name in RECIPE)])


RECIPE = ("site.py", "scripts.py", "runtime.py", "packages.py", "lockfile.py", "pyc.py", "zips.py")


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
            publish(node, wheel, quality)
            mark_fresh("site", f"{quality} {key}")
    manifest: dict[str, Any] = json.loads(MANIFEST.read_text())
    return manifest


def publish(node: Path, wheel: Path, quality: int) -> None:
    """Make everything and let the manifest tell of it when all is in place and works."""
    shipped = shipped_files(node)
    with step("tab runtime") as current:
        runtime = build_runtime(node, wheel)
        current.note = f"Pyodide {pyodide_version()}, Python {runtime_info()['python']}"
    with step("compression") as current:
        sources = {f"runtime/{name}": path for name, path in runtime.items()}
        sources |= shipped
        files = {name: site_file(path, quality) for name, path in sorted(sources.items())}
        compress(node, list(files.values()), quality)
        current.note = f"brotli {quality}, {size(wire_size(files))} in all"
    with step("tab runtime works") as current:
        build = build_hash(files)
        folder = lay_out(build, files)
        report = verify(node, folder / "runtime")
        current.note = f"pydantic {report['pydantic']}, {report['sources']} modules with sources"
    write_manifest(build, files, wheel.name, quality)
    prune_builds(build)
    prune_cache(files)


def site_file(source: Path, quality: int) -> File:
    """Say where the compressed forms of a file are kept; better ones than asked for are taken."""
    sha256 = file_sha256(source)
    packed = CACHE / "packed"
    best = packed / f"{sha256}.{BEST}.br"
    br = best if best.is_file() else packed / f"{sha256}.{quality}.br"
    return File(source, sha256, br, packed / f"{sha256}.gz")


def compress(node: Path, files: list[File], quality: int) -> None:
    """Compress what the cache lacks."""
    (CACHE / "packed").mkdir(parents=True, exist_ok=True)
    missing = {file.sha256: file for file in files if not (file.br.is_file() and file.gz.is_file())}
    orders = [
        {"source": str(file.source), "br": str(file.br), "gz": str(file.gz)} for file in missing.values()
    ]
    if orders:
        order = json.dumps({"quality": quality, "files": orders})
        run([node, TOOLS / "compress.mjs"], log="compress", remedy=REMEDY, text=order)


def wire_size(files: dict[str, File]) -> int:
    """Return the bytes that travel to a browser which knows brotli, were it to load everything."""
    return sum(min(file.sizes().values()) for file in files.values())


def build_hash(files: dict[str, File]) -> str:
    """Name the build after all that is in it."""
    total = hashlib.sha256("".join(f"{name} {file.sha256}\n" for name, file in files.items()).encode())
    return total.hexdigest()[:16]


def lay_out(build: str, files: dict[str, File]) -> Path:
    """Copy all files into the folder of this build, which gets its name when it is whole."""
    folder, part = SITE / build, SITE / f"{build}.part"
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


def write_manifest(build: str, files: dict[str, File], wheel_name: str, quality: int) -> None:
    """Put the files of the root in place, and at last the manifest, each in one move."""
    for name in AT_THE_ROOT:
        if name in files:
            replace(SITE / name, files[name].source.read_bytes())
    replace(SITE / ENTRY, f'export * from "./{build}/{ENTRY}";\n'.encode())
    lock = json.loads(files["runtime/pyodide-lock.json"].source.read_text())["packages"]
    manifest = {
        "build": build,
        "base": f"./{build}/",
        "runtime": "runtime/",
        "pyodide": pyodide_version(),
        "python": runtime_info()["python"],
        "wheel": wheel_name,
        "packages": {
            name: {"version": item["version"], "file": item["file_name"]} for name, item in lock.items()
        },
        "brotli": quality,
        "files": {name: file.sizes() for name, file in files.items()},
    }
    replace(MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())


def replace(path: Path, data: bytes) -> None:
    """Write a file so that readers see the old one or the new one, never a part."""
    part = path.with_name(f"{path.name}.part")
    part.write_bytes(data)
    os.replace(part, path)


def prune_builds(build: str) -> None:
    """Remove older builds, but the latest of them."""
    others = [path for path in SITE.iterdir() if path.is_dir() and path.name != build]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in others[KEPT_BUILDS - 1 :]:
        shutil.rmtree(path, ignore_errors=True)


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
