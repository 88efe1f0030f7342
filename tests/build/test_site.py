"""The site that `build.py test` and `build.py site` leave in `.build/site` is whole."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tools.paths import DIST, MANIFEST, ROOT, SITE, STATIC
from wherry_server.site import publish as site
from wherry_server.site import shop
from wherry_server.site import sizes as wire


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    assert MANIFEST.is_file(), "There is no site yet: run `python3 build.py site --quick`."
    return json.loads(MANIFEST.read_text())


@pytest.fixture(scope="module")
def base(manifest: dict[str, Any]) -> Path:
    return SITE / manifest["base"]


def test_the_manifest_says_what_a_page_needs(manifest: dict[str, Any]) -> None:
    assert manifest["base"] == f"./{manifest['build']}/"
    assert manifest["runtime"] == "runtime/"
    assert manifest["pyodide"] == "314.0.7"
    assert manifest["python"].startswith("3.14.")
    assert {"wherry", "pydantic", "pydantic-core", "micropip", "tzdata", "stdlib-sources"} <= set(
        manifest["packages"]
    )
    assert manifest["packages"]["wherry"]["file"] == manifest["wheel"]


def test_every_file_is_there_with_the_sizes_told(manifest: dict[str, Any], base: Path) -> None:
    for name, sizes in manifest["files"].items():
        assert (base / name).stat().st_size == sizes["raw"]
        for form in ("br", "gz"):
            packed = base / f"{name}.{form}"
            assert packed.is_file() == (form in sizes)
            assert not packed.is_file() or packed.stat().st_size == sizes[form] < sizes["raw"]


def test_compressed_siblings_hold_the_same_bytes(manifest: dict[str, Any], base: Path) -> None:
    small = [name for name, sizes in manifest["files"].items() if "gz" in sizes and sizes["raw"] < 1_000_000]

    assert small
    assert all(
        gzip.decompress((base / f"{name}.gz").read_bytes()) == (base / name).read_bytes() for name in small
    )


def test_the_folder_is_named_after_its_contents(manifest: dict[str, Any], base: Path) -> None:
    hashes = [
        f"{name} {hashlib.sha256((base / name).read_bytes()).hexdigest()}\n"
        for name in sorted(manifest["files"])
    ]

    assert hashlib.sha256("".join(hashes).encode()).hexdigest()[:16] == manifest["build"]


def test_the_lock_file_fits_the_wheels(manifest: dict[str, Any], base: Path) -> None:
    lock = json.loads((base / "runtime" / "pyodide-lock.json").read_text())

    assert lock["info"]["python"] == manifest["python"]
    for item in lock["packages"].values():
        data = (base / "runtime" / item["file_name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == item["sha256"]
        assert set(item["depends"]) <= set(lock["packages"])
    assert lock["packages"]["wherry"]["depends"] == []
    assert "pydantic-core" in lock["packages"]["pydantic"]["depends"]


def test_the_first_visit_stays_within_its_budget(manifest: dict[str, Any]) -> None:
    needed = ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json"]
    files = [f"runtime/{name}" for name in [*needed, manifest["wheel"]]]

    # A quick build, which the tests make, is compressed an eighth worse than a published one.
    budget = 6_500_000 * (1 if manifest["brotli"] == site.BEST else 9 / 8)
    assert sum(manifest["files"][name]["br"] for name in files) <= budget


def test_the_docs_tell_the_sizes_on_the_wire(manifest: dict[str, Any]) -> None:
    """Within a tenth, a quick build's brotli within a quarter: `build.py site --docs` writes them anew."""
    told = dict(re.findall(r"^\| ([^|]+) \| (.+) \|$", (ROOT / "docs/reference/sizes.md").read_text(), re.M))
    for name, *found in wire.rows(manifest):
        assert name in told, name
        for text, count, part in zip(
            told[name].split(" | "), map(bytes_in, found), (0.1, 0.25, 0.1), strict=True
        ):
            assert bytes_in(text) == pytest.approx(count, rel=part, abs=2000), (name, text, count)


def bytes_in(text: str) -> float:
    number, unit = text.split()
    return float(number) * {"kB": 1e3, "MB": 1e6}[unit]


def test_the_wheel_stays_within_its_budget() -> None:
    wheels = list(DIST.glob("wherry-*-py3-none-any.whl"))

    assert len(wheels) == 1
    assert wheels[0].stat().st_size <= 640_000


def test_the_wheel_has_the_small_demos_as_they_are_written() -> None:
    sources = {path.relative_to(STATIC).as_posix(): path for path in STATIC.glob("demos/*/main.js")}
    with zipfile.ZipFile(next(DIST.glob("wherry-*-py3-none-any.whl"))) as wheel:
        shipped = {name: wheel.read(f"wherry_web/static/{name}") for name in sources}

    assert len(shipped) == 6
    assert shipped == {name: path.read_bytes() for name, path in sources.items()}


def test_what_a_tab_fetches_of_wherry_stays_within_its_budget(manifest: dict[str, Any]) -> None:
    assert manifest["files"][f"runtime/{manifest['wheel']}"]["br"] <= 400_000


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    path.write_text("old")

    shop.replace(path, b"new")

    assert [item.name for item in tmp_path.iterdir()] == ["manifest.json"]
    assert path.read_text() == "new"


def test_pages_import_wherry_by_an_address_that_stays(manifest: dict[str, Any]) -> None:
    build = manifest["build"]

    assert (SITE / "wherry.js").read_text() == f'export * from "./{build}/wherry.js";\n'
    assert (SITE / build / "wherry.js").is_file()


def loaded_at_once(base: Path, *entries: str) -> list[str]:
    """The scripts that these import statically, and they themselves; those imported by a call come later."""
    found = list(entries)
    for script in found:
        imported = re.findall(r'(?:from|import) ?"\./([\w./-]+)"', (base / script).read_text())
        found += [name for name in imported if name not in found]
    return found


def test_the_scripts_that_every_page_loads_are_small(manifest: dict[str, Any], base: Path) -> None:
    scripts = loaded_at_once(base, "wherry.js", "keeper.js")

    assert b"/**" not in (base / "page.js").read_bytes(), "comments are shipped"
    assert set(scripts) == {"wherry.js", "page.js", "shared.js", "keeper.js"}
    sizes = [manifest["files"][name] for name in scripts]
    assert sum(size.get("gz", size["raw"]) for size in sizes) <= 30_000
