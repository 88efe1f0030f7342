"""Ids, canonical JSON and fingerprints in JavaScript are those of Python."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from playwright.async_api import Page

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "core" / "canonical.json").read_text("utf-8")
)
NUMBER = """(bits) => {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, BigInt('0x' + bits));
    return view.getFloat64(0);
}"""


async def test_numbers_are_written_as_in_python(page: Page) -> None:
    vectors = VECTORS["numbers"]

    texts = await page.evaluate(
        f"(all) => all.map({NUMBER}).map((value) => canonical.canonical(value))",
        [vector["bits"] for vector in vectors],
    )

    assert texts == [vector["text"] for vector in vectors]


async def test_numbers_that_are_not_finite_are_refused(page: Page) -> None:
    codes = await page.evaluate(
        f"(all) => all.map({NUMBER}).map((value) => codeOfCall(() => canonical.canonical([value])))",
        VECTORS["refused_numbers"],
    )

    assert codes == ["not_json"] * len(VECTORS["refused_numbers"])


async def test_values_have_the_text_and_the_fingerprint_of_python(page: Page) -> None:
    vectors = VECTORS["values"]

    found = await page.evaluate(
        """(all) => Promise.all(all.map(JSON.parse).map(async (value) =>
            [canonical.canonical(value), await canonical.fingerprint(value)]))""",
        [vector["json"] for vector in vectors],
    )

    assert found == [[vector["canonical"], vector["sha256"]] for vector in vectors]


async def test_half_of_a_surrogate_pair_is_refused(page: Page) -> None:
    codes = await page.evaluate(
        "(all) => Promise.all(all.map((text) => codeOf(canonical.fingerprint(JSON.parse(text)))))",
        VECTORS["refused"],
    )

    assert codes == ["not_json"] * len(VECTORS["refused"])


async def test_integers_beyond_doubles_are_kept_as_bigint(page: Page) -> None:
    texts = await page.evaluate(
        "(all) => all.map((text) => canonical.canonical([BigInt(text)]))", VECTORS["integers"]
    )

    assert texts == [f"[{text}]" for text in VECTORS["integers"]]


async def test_what_has_no_json_form_is_refused_with_its_place(page: Page) -> None:
    found = await page.evaluate("""() =>
        [{ a: [1, new Date()] }, { b: { c: undefined } }, [() => 1], new Map()].map((value) => {
            try { canonical.canonical(value); } catch (error) { return [error.code, error.data.path]; }
        })""")

    assert found == [["not_json", "$.a[1]"], ["not_json", "$.b.c"], ["not_json", "$[0]"], ["not_json", "$"]]


async def test_ids_are_in_the_order_of_their_making(page: Page) -> None:
    ids = await page.evaluate("() => Array.from({ length: 20000 }, () => canonical.newId())")

    assert ids == sorted(set(ids))
    assert all(
        re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", id) for id in ids
    )


async def test_ids_grow_although_the_clock_steps_back(page: Page) -> None:
    first, second = await page.evaluate("""() => {
        const first = canonical.newId();
        const now = Date.now;
        Date.now = () => now() - 60_000;
        try { return [first, canonical.newId()]; } finally { Date.now = now; }
    }""")

    assert first < second
