"""Wheels are cut, compiled and described so that Pyodide and pip read them."""

from __future__ import annotations

import dis
import hashlib
import marshal
import zipfile
from pathlib import Path

import pytest

from wherry_server.site import lockfile
from wherry_server.site.pyc import compile_archive
from wherry_server.site.tab_wheels import write_stdlib_sources, write_tab_wheel, write_testing_wheel
from wherry_server.site.zips import dist_info_of, read_members, record_hash, with_record, write_members

METADATA = b"""Metadata-Version: 2.4
Name: Example_App
Version: 1.2
License-Expression: MIT
Requires-Dist: Typing.Extensions>=4
Requires-Dist: tzdata; sys_platform == "emscripten"
Requires-Dist: colorama; sys_platform == "win32"
Requires-Dist: tomli; python_version < "3.11"
Requires-Dist: uvicorn; extra == "server"
"""
INFO = "example_app-1.2.dist-info"
ENVIRONMENT = lockfile.marker_environment("3.14.2")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    members = {
        "wherry/__init__.py": b"'''docs'''\nassert 1 + 1 == 2\n",
        "wherry/broken_template.py": b"def {{ name }}(\n",
        "wherry/storage/memory.py": b"",
        "wherry/storage/sql/claim.sql": b"SELECT 1",
        "wherry/storage/sqlite/store.py": b"",
        "wherry/testing/__init__.py": b"",
        "wherry_server/__init__.py": b"",
        "wherry_web/__init__.py": b"",
        "wherry_web/static/idb.js": b"",
        "single.py": b"",
        f"{INFO}/METADATA": METADATA,
        f"{INFO}/entry_points.txt": b"[console_scripts]",
    }
    path = tmp_path / "example_app-1.2-py3-none-any.whl"
    write_members(path, with_record(members, INFO))
    return path


def assert_record_fits(path: Path) -> None:
    members = read_members(path)
    record = f"{dist_info_of(members)}/RECORD"
    told = [tuple(line.split(",")) for line in members[record].decode().splitlines()]
    expected = [(name, f"sha256={record_hash(data)}", str(len(data))) for name, data in members.items()]
    assert sorted(told) == sorted([*(row for row in expected if row[0] != record), (record, "", "")])


def test_equal_members_give_equal_archives(tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        write_members(tmp_path / name, {"a.txt": b"a"})

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_tab_gets_only_what_a_tab_can_use(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "tab.whl"

    write_tab_wheel(read_members(wheel), target)

    names = set(read_members(target))
    assert {"wherry/__init__.py", "wherry/storage/memory.py", "wherry_web/__init__.py"} <= names
    left = ("wherry_server/", "wherry_web/static/", "wherry/storage/sqlite/", "wherry/storage/sql/")
    assert not [name for name in names if name.startswith((*left, "wherry/testing/"))]
    assert f"{INFO}/entry_points.txt" not in names
    assert_record_fits(target)


def test_the_test_helpers_are_a_package_of_their_own_in_the_tab(wheel: Path, tmp_path: Path) -> None:
    testing = tmp_path / "testing.whl"

    write_testing_wheel(read_members(wheel), testing)

    assert set(read_members(testing)) >= {"wherry/testing/__init__.py"}
    assert_record_fits(testing)
    entry = lockfile.entry(testing, ENVIRONMENT)
    assert (entry["name"], entry["version"], entry["imports"]) == ("wherry-testing", "1.2", [])


def test_compiling_replaces_sources_and_keeps_what_is_no_python(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "compiled.whl"

    count = compile_archive(str(wheel), str(target), prefix="/lib/", optimize=0)

    members = read_members(target)
    assert count == 7
    assert "wherry/__init__.pyc" in members
    assert "wherry/__init__.py" not in members
    assert members["wherry/broken_template.py"] == b"def {{ name }}(\n"
    assert members["wherry/storage/sql/claim.sql"] == b"SELECT 1"
    assert_record_fits(target)


@pytest.mark.parametrize(("optimize", "docs", "asserts"), [(0, True, True), (2, False, False)])
def test_compiled_code_names_its_place_and_keeps_asserts_only_unoptimized(
    wheel: Path, tmp_path: Path, optimize: int, docs: bool, asserts: bool
) -> None:
    target = tmp_path / "compiled.whl"

    compile_archive(str(wheel), str(target), prefix="/lib/", optimize=optimize)

    data = read_members(target)["wherry/__init__.pyc"]
    code = marshal.loads(data[16:])
    assert data[4:8] == b"\x01\0\0\0", "hash-based and unchecked"
    assert code.co_filename == "/lib/wherry/__init__.py"
    assert ("docs" in code.co_consts) is docs
    assert any(step.opname == "RAISE_VARARGS" for step in dis.get_instructions(code)) is asserts


def test_the_sources_package_holds_every_module_as_data(tmp_path: Path) -> None:
    stdlib, target = tmp_path / "python_stdlib.zip", tmp_path / "stdlib_sources-3.14.2-py3-none-any.whl"
    write_members(
        stdlib, {"asyncio/taskgroups.py": b"class TaskGroup: ...\n", "x/py.typed": b"", "a.py": b""}
    )

    count = write_stdlib_sources(stdlib, target, "3.14.2")

    members = read_members(target)
    assert count == 2
    assert members["stdlib_sources/asyncio/taskgroups.py"] == b"class TaskGroup: ...\n"
    assert "stdlib_sources/__init__.py" in members
    assert lockfile.entry(target, ENVIRONMENT)["imports"] == ["stdlib_sources"]
    assert_record_fits(target)


def test_an_entry_tells_what_the_loader_needs(wheel: Path) -> None:
    entry = lockfile.entry(wheel, ENVIRONMENT)

    assert entry["name"] == "example-app"
    assert entry["file_name"] == wheel.name
    assert entry["sha256"] == hashlib.sha256(wheel.read_bytes()).hexdigest()
    assert entry["imports"] == ["single", "wherry", "wherry_server", "wherry_web"]
    assert entry["depends"] == ["typing-extensions", "tzdata"]


def test_wherry_loads_alone_and_a_gap_among_the_others_is_told(wheel: Path) -> None:
    entry = lockfile.entry(wheel, ENVIRONMENT)
    alone = lockfile.lock({"python": "3.14.2"}, [entry], without_needs="example-app")

    assert alone["packages"]["example-app"]["depends"] == []
    with pytest.raises(ValueError, match="other needs missing"):
        lockfile.lock(
            {}, [entry, {**entry, "name": "other", "depends": ["missing"]}], without_needs="example-app"
        )


def test_a_licence_is_found_in_its_old_and_new_place(wheel: Path) -> None:
    assert lockfile.licence(wheel) == "Example_App 1.2: MIT"


def test_an_archive_without_metadata_is_no_wheel(tmp_path: Path) -> None:
    path = tmp_path / "x-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.py", "")

    with pytest.raises(ValueError, match="no .dist-info"):
        lockfile.entry(path, ENVIRONMENT)
