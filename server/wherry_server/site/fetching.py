"""What a site is made of and wherry's wheel does not hold: Pyodide from npm, wheels from the package index.

Both come by the user's own npm and pip, once, by name and with the hash that is pinned here.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from wherry_server.site import lockfile
from wherry_server.site.pins import PLATFORM, PYODIDE, PYODIDE_SHA512, Pin, pinned
from wherry_server.site.programs import npm, pip, run
from wherry_server.site.runtime import AS_THEY_ARE, LOCK, STDLIB
from wherry_server.site.shop import SiteError
from wherry_server.site.zips import read_members

# A package may need others in the tab that pip, which asks for this machine, did not bring; so often at most.
MOST_ROUNDS = 10


def fetch_pyodide(cache: Path, node: Path) -> Path:
    """The folder of the npm package, fetched if the cache lacks it.

    Raises: `SiteError`: npm fails, or what came is not what was pinned.
    """
    folder = cache / f"pyodide-{PYODIDE}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as name:
        place = Path(name)
        options = ["--pack-destination", place, "--prefer-offline", "--silent"]
        run([*npm(node), "pack", f"pyodide@{PYODIDE}", *options], "the tab's Python")
        archive = next(place.glob("*.tgz"))
        require_hash(archive)
        unpack(archive, place / "pyodide")
        # Another run may have been first.
        if not folder.is_dir():
            (place / "pyodide").rename(folder)
    return folder


def require_hash(archive: Path) -> None:
    """Raises: `SiteError` when the archive is not the one that was pinned."""
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != PYODIDE_SHA512:
        remedy = "the registry that npm is set to hands out another one; do not use it."
        raise SiteError(f"pyodide {PYODIDE} came with the hash {found}, not {PYODIDE_SHA512}: {remedy}")


def unpack(archive: Path, folder: Path) -> None:
    """Take those files out of an npm archive that a browser needs."""
    folder.mkdir()
    with tarfile.open(archive) as members:
        for name in (*AS_THEY_ARE, STDLIB, LOCK, "package.json"):
            member = members.extractfile(f"package/{name}")
            assert member is not None, name
            with (folder / name).open("wb") as target:
                shutil.copyfileobj(member, target)


def fetch_pinned(cache: Path) -> list[Path]:
    """The wheels of the runtime, fetched if the cache lacks them; pip refuses a wrong hash."""
    wheels = cache / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    pins = pinned()
    missing = [pin for pin in pins if pin.file(wheels) is None]
    if missing:
        with tempfile.TemporaryDirectory(dir=cache) as name:
            requirements = Path(name, "missing.txt")
            requirements.write_text("".join(f"{pin.requirement()}\n" for pin in missing))
            options = ["--no-deps", "--require-hashes", "--dest", wheels, "--requirement", requirements]
            run(pip("download", *PLATFORM, *options), "the tab's packages")
    return [found for pin in pins if (found := pin.file(wheels))]


def fetch_packages(requested: Sequence[str], python: str, folder: Path) -> tuple[list[Path], list[str]]:
    """Fetch the packages that an app names, with what these need in a tab.

    Args:
        requested: names, with a version as in `humanize==4.*`, paths or addresses of wheels.
        python: version of the tab's Python.
        folder: where the wheels are put.

    Returns:
        The wheels beside the pinned ones, and the names of those requested.

    Raises: `SiteError`: `package_missing` when the index has no wheel that a tab can run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    constraints = folder / "constraints.txt"
    constraints.write_text("".join(f"{pin.name}=={pin.version}\n" for pin in pinned()))
    pins = {lockfile.canonical(pin.name): pin for pin in pinned()}
    environment = lockfile.marker_environment(python)
    for one in requested:
        download([one], constraints, folder)
    wheels: dict[str, lockfile.Entry] = {}
    for _ in range(MOST_ROUNDS):
        wheels = {entry["name"]: entry for entry in entries(folder, environment)}
        missing = {need for one in wheels.values() for need in one["depends"]} - set(wheels) - set(pins)
        if not missing:
            break
        download(sorted(missing), constraints, folder)
    names = [name_of(one, folder) for one in requested]
    return needed_wheels(names, wheels, pins, folder), names


def download(packages: Iterable[str], constraints: Path, folder: Path) -> None:
    """Have pip fetch packages for the tab's platform."""
    words = list(packages)
    options = ["--constraint", constraints, "--find-links", folder, "--dest", folder]
    try:
        run(pip("download", *PLATFORM, *options, *words), "the app's packages")
    except SiteError as error:
        if error.code == "offline":
            raise
        remedy = "a tab runs wheels of pure Python and those built for Pyodide (pyemscripten)."
        raise SiteError(
            f"no wheel of {', '.join(words)} for the tab: {remedy}\n{error}", code="package_missing"
        ) from error


def entries(folder: Path, environment: Mapping[str, str]) -> list[lockfile.Entry]:
    """Describe the wheels of a folder."""
    return [lockfile.entry(path, environment) for path in sorted(folder.glob("*.whl"))]


def name_of(requested: str, folder: Path) -> str:
    """The canonical name behind a name with a version, a path or an address."""
    from packaging.requirements import InvalidRequirement, Requirement

    file = requested.partition("?")[0].partition("#")[0].replace("\\", "/").rpartition("/")[2]
    if file.endswith(".whl"):
        return lockfile.canonical(str(lockfile.metadata_of(folder / file, read_members(folder / file)).name))
    try:
        return lockfile.canonical(Requirement(requested).name)
    except InvalidRequirement as error:
        raise SiteError(
            f"{requested!r} names no package: write humanize or humanize==4.*.", code="package_missing"
        ) from error


def needed_wheels(
    names: Iterable[str], wheels: Mapping[str, lockfile.Entry], pins: Mapping[str, Pin], folder: Path
) -> list[Path]:
    """What a tab needs of the wheels that came: pip took this machine's needs for the tab's."""
    todo, found = list(names), dict[str, Path]()
    while todo:
        name = todo.pop()
        if name in found or name in pins:
            continue
        found[name] = folder / str(wheels[name]["file_name"])
        todo += wheels[name]["depends"]
    return list(found.values())
