"""What is fetched is pinned exactly, and nothing says where it is fetched from."""

from __future__ import annotations

import json
import re

import pytest

from tools.limits import own_files
from tools.paths import CONSTRAINTS, ROOT, RUNTIME_PINS
from wherry_server.site import pins as known
from wherry_server.site.pins import read_pins
from wherry_server.site.shop import SiteError

# Put together here, so that this file does not name them either.
REGISTRIES = (
    "npmjs" + ".org",
    "npmjs" + ".com",
    "pypi" + ".org",
    "python" + "hosted.org",
    "deb" + ".debian.org",
)


def test_every_runtime_wheel_is_pinned_once_with_its_hash() -> None:
    pins = read_pins(RUNTIME_PINS.read_text())

    names = [pin.name for pin in pins]
    assert {"pydantic", "pydantic_core", "micropip", "tzdata"} <= set(names)
    assert len(names) == len(set(names))
    assert pins[0].requirement() == f"{pins[0].name}=={pins[0].version} --hash=sha256:{pins[0].sha256}"


@pytest.mark.parametrize("line", ["pydantic>=2", "pydantic==2.1", "pydantic==2.1 --hash=sha256:abc"])
def test_a_loose_pin_is_refused(line: str) -> None:
    with pytest.raises(SiteError, match="not a pin") as refused:
        read_pins(f"# a comment\n\n{line}\n")

    assert "name==version" in str(refused.value)


def test_every_python_package_of_the_environment_has_one_version() -> None:
    lines = [line for line in CONSTRAINTS.read_text().splitlines() if line and not line.startswith("#")]

    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+]+", line) for line in lines)


def test_every_javascript_package_has_an_exact_version_and_a_hash() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]

    assert all(locked[f"node_modules/{name}"]["version"] == version for name, version in wanted.items())
    assert all(item["integrity"] for name, item in locked.items() if name)
    assert not [name for name, item in locked.items() if "resolved" in item]


def test_an_installed_wherry_fetches_the_pyodide_of_the_checkout() -> None:
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]["node_modules/pyodide"]

    assert (locked["version"], locked["integrity"]) == (known.PYODIDE, known.PYODIDE_SHA512)


def test_no_file_names_the_host_of_a_registry() -> None:
    texts = {path: path.read_bytes() for path in own_files()}

    assert not [
        (str(path), host) for path, text in texts.items() for host in REGISTRIES if host.encode() in text
    ]
