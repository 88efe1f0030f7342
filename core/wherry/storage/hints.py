"""Hints inside one process: whoever commits rings, whoever listens wakes, on any thread and loop."""

from __future__ import annotations

import asyncio
import threading


class Hints:
    """The listeners of one store in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: frozenset[HintListener] = frozenset()
        self.closed = False

    def listen(self) -> HintListener:
        """A new listener on the running loop; its first item is there at once."""
        listener = HintListener(self, asyncio.get_running_loop())
        with self._lock:
            self._listeners |= {listener}
        return listener

    def ring(self) -> None:
        """Wake all listeners; may be called from any thread."""
        for listener in self._listeners:
            listener.wake()

    def remove(self, listener: HintListener) -> None:
        with self._lock:
            self._listeners -= {listener}

    def close(self) -> None:
        """The store is closed: every listener's iteration ends."""
        self.closed = True
        self.ring()

    @property
    def listening(self) -> bool:
        return bool(self._listeners)


class HintListener:
    """Yields None at once, then whenever the bell rang since the last item."""

    def __init__(self, hints: Hints, loop: asyncio.AbstractEventLoop) -> None:
        self._hints, self._loop = hints, loop
        self._rung = asyncio.Event()
        self._rung.set()

    def wake(self) -> None:
        if self._rung.is_set():
            return
        if asyncio._get_running_loop() is self._loop:  # pyright: ignore[reportPrivateUsage] - the documented accessor raises outside a loop, ten times slower
            self._rung.set()
        else:
            # The loop may be closed by now: then nobody waits there any more.
            try:
                self._loop.call_soon_threadsafe(self._rung.set)
            except RuntimeError:
                self._hints.remove(self)

    def __aiter__(self) -> HintListener:
        return self

    async def __anext__(self) -> None:
        await self._rung.wait()
        self._rung.clear()
        if self._hints.closed:
            raise StopAsyncIteration

    async def aclose(self) -> None:
        self._hints.remove(self)
