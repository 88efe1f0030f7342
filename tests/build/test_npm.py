"""The npm package: what is in it, and that nothing of it leads out of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tools import npm

IMPORT = re.compile(r"""(?:from|import|new URL\()\s*\(?(?:/\*.*?\*/\s*)*"(\.[^"]+\.m?js)\"""")


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("npm")
    npm.lay_out(folder)
    return folder


def test_it_says_what_may_be_imported(package: Path) -> None:
    told: dict[str, Any] = json.loads((package / "package.json").read_text())

    assert (told["name"], told["type"], told["license"]) == ("wherry", "module", "Apache-2.0")
    for path in told["exports"]["."].values():
        assert (package / path).is_file()
    assert not {"publishConfig", "dependencies", "scripts"} & told.keys()


def test_every_import_leads_to_a_file_of_the_package(package: Path) -> None:
    scripts = sorted(package.rglob("*.js"))
    missing = [
        (script.name, path)
        for script in scripts
        for path in IMPORT.findall(script.read_text())
        # Comments import types from where there is nothing else.
        if not (script.parent / path).is_file() and not (script.parent / path).with_suffix(".d.ts").is_file()
    ]

    assert len(scripts) > 40
    assert missing == []


def test_it_holds_its_licences_and_no_pages(package: Path) -> None:
    names = {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}

    assert {"README.md", "LICENSE", "vendor/comlink.LICENSE.txt", "wherry.d.ts"} <= names
    assert not [name for name in names if name.endswith((".html", ".css", ".py", ".whl", ".wasm"))]
