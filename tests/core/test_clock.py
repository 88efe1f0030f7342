from __future__ import annotations

import time

from wherry.clock import Clock, ManualClock, SystemClock


def test_the_system_clock_counts_milliseconds_since_1970() -> None:
    clock: Clock = SystemClock()
    before_ms = int(time.time() * 1000)

    now_ms = clock.now_ms()

    assert before_ms - 1 <= now_ms <= int(time.time() * 1000) + 1


def test_a_manual_clock_stands_still_until_told() -> None:
    clock: Clock = ManualClock(500)

    assert [clock.now_ms(), clock.now_ms()] == [500, 500]


def test_a_manual_clock_goes_forward_and_back() -> None:
    clock = ManualClock(500)

    clock.advance(20)
    forward_ms = clock.now_ms()
    clock.advance(-100)

    assert (forward_ms, clock.now_ms()) == (520, 420)


def test_a_manual_clock_starts_at_a_plausible_time() -> None:
    # Rank is priority * 2**42 + run_at_ms: a start near zero would not exercise it.
    assert ManualClock().now_ms() > 2**40
