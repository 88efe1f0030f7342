"""J5: the example tasks.  The index is made from real sources, those of the Python that runs the tests."""

from __future__ import annotations

import ast
import asyncio
import time
from typing import Any

import pytest

from wherry import Client, PermanentError, Server, Task, open_storage
from wherry.examples import basic, library, measuring, sources
from wherry.examples.catalogue import Entry, index_of, search

ALL = [basic.echo, basic.reverse, basic.count_words, basic.wait, library.index, library.modules]


async def run(task: Task[Any, Any], value: Any) -> Any:
    """The task's output, run as a job."""
    async with open_storage("memory:") as storage, Server(storage, ALL):
        handle = await Client(storage, tasks=[task]).submit(task, value)
        return await handle.result(timeout=30)


# --- basic ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("value", [None, 0, False, "", [], {"grün": [1, 2.5, "𝄞"]}])
async def test_echo_gives_back_what_came(value: Any) -> None:
    assert await run(basic.echo, value) == value


async def test_reverse_turns_a_text_around() -> None:
    assert await run(basic.reverse, "two shores") == "serohs owt"


async def test_text_count_counts_words() -> None:
    assert await run(basic.count_words, " one two\nthree ") == 3


async def test_wait_takes_its_time_and_tells_how_far_it_is() -> None:
    told: list[float] = []
    async with open_storage("memory:") as storage, Server(storage, ALL), Client(storage) as client:
        started_s = time.monotonic()
        handle = await client.submit(basic.wait, 0.6)
        handle.on_progress(lambda event: told.append(event.percent or 0))

        assert await handle.result(timeout=10) == {"seconds": 0.6, "steps": 3, "attempt": 1}
        assert 0.6 <= time.monotonic() - started_s < 3
    assert told == sorted(told)


@pytest.mark.parametrize("seconds", [-1, 3601])
async def test_wait_refuses_a_time_that_nobody_waits_for(seconds: float) -> None:
    with pytest.raises(PermanentError, match="choose 0 to 3600"):
        await run(basic.wait, seconds)


# --- the standard library ------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def outputs() -> list[dict[str, Any]]:
    """What `library.index` says of some modules with all kinds of re-exports."""
    wanted = (
        "asyncio", "collections", "concurrent", "decimal", "_pydecimal", "_collections_abc", "email", "json",
        "genericpath", "ntpath", "posixpath", "unittest", "weakref", "_weakrefset", "xml.etree",
    )  # fmt: skip
    picked = [
        name
        for name in library.library_modules()
        if any(name == one or name.startswith(f"{one}.") for one in wanted)
    ]
    return [library.index(name, _Silent()) for name in picked]


class _Silent:
    def progress(self, percent: float, message: str) -> None:
        assert 0 <= percent <= 100
        assert message


def test_at_least_500_modules_have_their_source_here_and_no_tests_are_among_them() -> None:
    found = library.library_modules()

    assert len(found) >= 500
    assert {"abc", "asyncio", "asyncio.taskgroups", "json.decoder", "xml.etree.ElementTree"} <= set(found)
    assert not [
        name for name in found if {"test", "tests", "idlelib", "site-packages"} & set(name.split("."))
    ]
    assert found == sorted(found)


async def test_library_modules_tells_the_same_as_a_job() -> None:
    told = await run(library.modules, None)

    assert told["modules"] == library.library_modules()
    assert told["implementation"] == "CPython"


async def test_library_index_tells_names_size_and_complexity_of_a_module() -> None:
    output = await run(library.index, "asyncio.taskgroups")

    names = {one["name"]: one for one in output["names"]}
    assert names["TaskGroup"]["kind"] == "class"
    assert names["TaskGroup"]["summary"].startswith("Asynchronous context manager")
    assert names["TaskGroup.create_task"]["kind"] == "method"
    assert names["TaskGroup.create_task"]["complexity"] >= 2
    source = sources.source_files()["asyncio.taskgroups"].read_text()
    assert source.splitlines()[names["TaskGroup"]["line"] - 1].startswith("class TaskGroup")
    assert output["lines"] == len(source.splitlines())
    assert output["complexity"]["sum"] >= output["complexity"]["max"] >= 5
    assert output["complexity"]["max_in"].startswith("TaskGroup.")


async def test_library_index_refuses_a_module_without_source_here() -> None:
    with pytest.raises(PermanentError, match="no source of 'asyncio.taskgroup' is here"):
        await run(library.index, "asyncio.taskgroup")


@pytest.mark.parametrize(
    "data", [b"def (:", b"a = \0", b"# coding: klingon\n", "# coding: ascii\nä = 1".encode()]
)
async def test_a_source_that_is_no_python_fails_for_good_and_says_so(
    data: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    path = tmp_path / "broken.py"
    path.write_bytes(data)
    monkeypatch.setattr(library, "source_files", lambda: {"broken": path})

    with pytest.raises(PermanentError, match="the source of broken is no Python of this version"):
        await run(library.index, "broken")


async def test_the_encoding_line_of_a_source_is_obeyed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    path = tmp_path / "latin.py"
    path.write_bytes('# coding: latin-1\n"""Grüße."""\n'.encode("latin-1"))
    monkeypatch.setattr(library, "source_files", lambda: {"latin": path})

    assert (await run(library.index, "latin"))["summary"] == "Grüße."


@pytest.mark.parametrize(
    ("query", "module", "found_in"),
    [
        ("TaskGroup", "asyncio.taskgroups", "asyncio"),
        ("asyncio.TaskGroup", "asyncio.taskgroups", "asyncio"),
        ("taskgroup", "asyncio.taskgroups", "asyncio"),
        ("ProcessPoolExecutor", "concurrent.futures.process", "concurrent.futures"),
        ("JSONDecoder", "json.decoder", "json"),
        ("WeakSet", "_weakrefset", "weakref"),
        ("decimal.Decimal", "_pydecimal", "decimal"),
        ("collections.abc.Mapping", "_collections_abc", "collections.abc"),
        ("TestCase", "unittest.case", "unittest"),
        ("ElementTree", "xml.etree.ElementTree", "xml.etree.ElementTree"),
        ("commonprefix", "genericpath", "genericpath"),
    ],
)
def test_a_search_finds_a_name_where_people_import_it_from(
    outputs: list[dict[str, Any]], query: str, module: str, found_in: str
) -> None:
    best = search(index_of(outputs), query)[0]

    assert (best.name, best.module, best.found_in) == (
        query.rpartition(".")[2].replace("taskgroup", "TaskGroup"),
        module,
        found_in,
    )


def test_the_index_is_the_same_in_whatever_order_the_jobs_finished(outputs: list[dict[str, Any]]) -> None:
    assert index_of(reversed(outputs)) == index_of(outputs)


def test_an_index_of_half_the_modules_says_what_it_knows(outputs: list[dict[str, Any]]) -> None:
    only = [output for output in outputs if output["module"] == "asyncio.taskgroups"]

    assert search(index_of(only), "TaskGroup")[0].found_in == "asyncio.taskgroups"


def test_a_search_for_nothing_finds_nothing(outputs: list[dict[str, Any]]) -> None:
    assert search(index_of(outputs), "  ") == []


def test_the_best_match_comes_first() -> None:
    def entry(name: str, summary: str = "") -> Entry:
        return Entry(name, "function", "m", 1, "m", summary)

    entries = [entry("z", "to join"), entry("rejoin"), entry("joined"), entry("Join"), entry("join")]

    assert [one.name for one in search(entries, "join")] == ["join", "Join", "joined", "rejoin", "z"]
    assert [one.name for one in search(entries, "join", limit=2)] == ["join", "Join"]


# --- measuring -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("pass", 1),
        ("if a and b or c: pass\nelif d: pass", 5),
        ("for x in y:\n  while z: pass", 3),
        ("try: pass\nexcept A: pass\nexcept B: pass\nfinally: pass", 3),
        ("return [x for x in y if x if z]", 4),
        ("match a:\n  case 1: pass\n  case _: pass", 3),
        ("def inner():\n  if a: pass", 1),
        ("return a if b else c", 2),
        ("async with a:\n  assert b", 2),
    ],
)
def test_complexity_is_one_and_one_more_a_decision(body: str, expected: int) -> None:
    indented = "\n".join(f"  {line}" for line in body.splitlines())
    function = ast.parse(f"async def f():\n{indented}").body[0]
    assert isinstance(function, ast.AsyncFunctionDef)

    assert measuring.complexity(function) == expected


def test_functions_are_found_wherever_they_are_defined() -> None:
    tree = ast.parse(
        "class A:\n  if x:\n    def b(self):\n      def c(): pass\ntry: pass\nexcept E:\n  def d(): pass\n"
        "match x:\n  case 1:\n    async def e(): pass\n"
    )

    assert [name for name, _ in measuring.functions(tree)] == ["A.b", "A.b.c", "d", "e"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = 1", None),
        ("__all__ = ['a', 'b']", {"a", "b"}),
        (
            "__all__ = ('a',)\n__all__ += ['b']\n__all__.extend(['c'])\n__all__.append('d')",
            {"a", "b", "c", "d"},
        ),
        ("__all__ = base.__all__ + ['a']", {"a"}),
        ("__all__: list[str] = []\nif x:\n  __all__ += ['w']", {"w"}),
    ],
)
def test_all_is_read_as_far_as_it_is_spelled_out(source: str, expected: set[str] | None) -> None:
    assert measuring.listed_names(ast.parse(source)) == expected


def test_public_names_are_those_without_underscore_or_those_listed() -> None:
    tree = ast.parse(
        "A = _b = 1\nC, d = 1, 2\nE: int\ndef f(): pass\nclass _G:\n  def h(self): pass\ndef f(): pass"
    )

    assert [one.name for one in measuring.public_names(tree, None)] == ["A", "C", "d", "E", "f"]
    assert [one.name for one in measuring.public_names(tree, frozenset({"_G"}))] == ["_G", "_G.h"]


@pytest.mark.parametrize(
    ("source", "package", "expected"),
    [
        ("from .x import *", True, [("p.q.x", ("*",))]),
        ("from .x import A, _b", True, [("p.q.x", ("A",))]),
        ("from .x import A", False, []),
        ("from os import path", True, []),
        ("__all__ = ['A']\nfrom .x import A, B", False, [("p.x", ("A",))]),
        ("__all__ = ['A']\ndef __getattr__(n):\n  from ..x import A", False, [("x", ("A",))]),
        ("from . import y", True, []),
    ],
)
def test_exports_are_what_a_module_imports_for_others(
    source: str, package: bool, expected: list[tuple[str, tuple[str, ...]]]
) -> None:
    tree = ast.parse(source)
    nodes = measuring.import_nodes(tree)

    assert (
        measuring.exports(nodes, "p.q", is_package=package, listed=measuring.listed_names(tree)) == expected
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One sentence.  And another.", "One sentence."),
        ("A title\n\nThe rest.", "A title"),
        ("broken\nover lines, e.g. here", "broken over lines, e.g."),
        ("", ""),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_a_summary_is_the_first_sentence(text: str, expected: str) -> None:
    assert measuring.summary(ast.parse(repr(text))) == expected


async def test_several_modules_are_indexed_at_once_by_one_server() -> None:
    wanted = ["abc", "asyncio", "asyncio.taskgroups", "json", "json.decoder"]
    async with open_storage("memory:") as storage, Server(storage, ALL), Client(storage) as client:
        handles = await client.submit_many(library.index, wanted)
        found = await asyncio.gather(*(handle.result(timeout=30) for handle in handles))

    assert [output["module"] for output in found] == wanted
