"""J5: statistics of a text or CSV file."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from wherry import Client, PermanentError, Server, open_storage
from wherry.examples import files, tables

Statistics = Callable[[str, str], Coroutine[Any, Any, dict[str, Any]]]


async def run(file: dict[str, Any]) -> dict[str, Any]:
    """The statistics, made by a job."""
    anywhere = files.statistics.options(place="either")
    async with open_storage("memory:") as storage, Server(storage, [anywhere]):
        handle = await Client(storage).submit(anywhere, file)
        return await handle.result(timeout=30)


@pytest.fixture
def statistics() -> Statistics:
    async def ask(name: str, text: str) -> dict[str, Any]:
        return await run({"name": name, "text": text})

    return ask


def test_a_file_stays_in_the_tab() -> None:
    assert files.statistics.place == "browser"


async def test_a_text_is_counted_as_wc_counts_it(statistics: Statistics) -> None:
    found = await statistics("a.txt", "The sea, the sea.\nIt's 42 grüne Boote\n")

    assert found.items() >= {
        "kind": "text", "lines": 2, "words": 8, "characters": 38, "bytes": 39, "longest_line": 19,
    }.items()  # fmt: skip
    assert found["frequent"][:2] == [["sea", 2], ["the", 2]]
    assert ["it's", 1] in found["frequent"]


@pytest.mark.parametrize("name", ["a.csv", "a.txt"])
async def test_a_table_has_its_columns_measured(statistics: Statistics, name: str) -> None:
    text = "port,day,depth,open\nWick,2026-01-02,3.5,yes\nAith,2026-01-01,4.5,no\nWick,2026-01-03,,yes\n"

    found = await statistics(name, text)

    assert (found["kind"], found["delimiter"], found["rows"], found["ragged"]) == ("csv", ",", 3, 0)
    port, day, depth, is_open = found["columns"]
    assert port == {
        "name": "port", "type": "text", "filled": 3, "empty": 0, "distinct": 2,
        "min": "Aith", "max": "Wick", "mean": None,
    }  # fmt: skip
    assert (day["type"], day["min"], day["max"]) == ("date", "2026-01-01", "2026-01-03")
    assert (depth["type"], depth["min"], depth["max"], depth["mean"], depth["empty"]) == (
        "number",
        3.5,
        4.5,
        4.0,
        1,
    )
    assert is_open["type"] == "boolean"


async def test_semicolons_part_columns_and_leave_the_comma_as_decimal_point(statistics: Statistics) -> None:
    found = await statistics("a.csv", "name;weight\na;1,5\nb;2,5\n")

    assert (found["delimiter"], found["columns"][1]["mean"]) == (";", 2.0)


async def test_a_table_without_a_heading_gets_one(statistics: Statistics) -> None:
    found = await statistics("a.csv", "1,2\n3,4,5\n")

    assert [column["name"] for column in found["columns"]] == ["column 1", "column 2", "column 3"]
    assert (found["rows"], found["ragged"]) == (2, 1)


async def test_quoted_cells_may_hold_delimiters_and_line_ends(statistics: Statistics) -> None:
    found = await statistics("a.csv", 'a,b\n"x, y","two\nlines"\n')

    assert (found["rows"], found["columns"][1]["max"]) == (1, "two\nlines")


async def test_prose_with_commas_is_no_table(statistics: Statistics) -> None:
    assert (await statistics("a.txt", "Dear all, hello.\nNo comma here\nBut, yes, here\n"))["kind"] == "text"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.txt", "", "a.txt is empty"),
        ("a.txt", "\ufeff \n", "a.txt is empty"),
        ("a.png", "PNG\0\0", "a.png is no UTF-8 text"),
        ("a.txt", "Gr\ufffd\ufffde", "a.txt is no UTF-8 text"),
        ("a.csv", 'a,b\n"never ends,1\n', "no proper CSV at line 2"),
    ],
)
async def test_what_cannot_be_measured_is_refused_in_plain_words(
    statistics: Statistics, name: str, text: str, told: str
) -> None:
    with pytest.raises(PermanentError, match=told):
        await statistics(name, text)


async def test_a_file_without_text_is_refused() -> None:
    with pytest.raises(PermanentError, match="a file is given as"):
        await run({"name": "a"})


def test_a_mebibyte_is_measured_quickly() -> None:
    row = "Lerwick,2026-01-02,12.75,the quick brown fox\n"
    text = "port,day,depth,note\n" + row * (2**20 // len(row))

    started_s = time.process_time()
    facts = {**files.text_facts(text), **tables.table_facts(text, ",")}

    assert facts["rows"] == 2**20 // len(row)
    assert time.process_time() - started_s < 3
