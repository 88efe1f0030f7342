from __future__ import annotations

import re
import threading
import time
import uuid

import pytest

from wherry.ids import IdMaker, new_id, short_ids


def test_an_id_is_a_uuid_of_version_7_with_the_time_in_front() -> None:
    before_ms = time.time_ns() // 1_000_000

    text = IdMaker()()

    made = uuid.UUID(text)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", text)
    assert made.variant == uuid.RFC_4122
    assert before_ms <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_ids_sort_in_the_order_in_which_they_were_made() -> None:
    made = [new_id() for _ in range(10_000)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_grow_when_the_clock_steps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = 1_750_000_000_000_000_000
    maker = IdMaker()
    made: list[str] = []
    for step_ns in (0, -3_600_000_000_000, -1, 0, 1_000_000):
        monkeypatch.setattr(time, "time_ns", lambda at=now_ns + step_ns: at)
        made.append(maker())

    assert made == sorted(made)
    assert len(set(made)) == 5


def test_ids_grow_beyond_what_one_millisecond_can_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_750_000_000_000_000_000)
    maker = IdMaker()

    made = [maker() for _ in range(3 * 4096)]

    assert made == sorted(made)
    assert len({text[:18] for text in made}) == 3 * 4096


def test_ids_of_different_makers_do_not_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_750_000_000_000_000_000)

    assert len({IdMaker()() for _ in range(1000)}) == 1000


def test_threads_share_a_maker() -> None:
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.extend(new_id() for _ in range(2000))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 8000


def test_short_ids_are_endings_that_tell_jobs_apart() -> None:
    assert short_ids(["0000-aaaa-111111", "0000-aaaa-222222"]) == {
        "0000-aaaa-111111": "111111",
        "0000-aaaa-222222": "222222",
    }


def test_short_ids_grow_until_none_is_ambiguous() -> None:
    shown = short_ids(["0000-a1-abcdef", "0000-a2-abcdef", "0000-a3-bcdef0"])

    assert len(set(shown.values())) == 3
    assert all(text.endswith(short) for text, short in shown.items())
    assert {len(short) for short in shown.values()} == {8}


def test_short_ids_of_a_thousand_jobs_are_unambiguous() -> None:
    ids = [new_id() for _ in range(1000)]

    assert len(set(short_ids(ids).values())) == 1000


def test_one_id_given_twice_is_one_id() -> None:
    assert short_ids(["abcdefgh", "abcdefgh"]) == {"abcdefgh": "cdefgh"}


def test_nothing_to_shorten() -> None:
    assert short_ids([]) == {}
