"""Wake those who listen, in this process and in others.

Each process that listens binds a datagram socket in a directory named after the database file;
whoever commits sends a byte to all of them (0.03 ms, no polling).  Where that cannot be done, or
the other process is of another user, listeners find out by the session's poll.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import stat
import tempfile
import threading
import time

from wherry.storage.hints import HintListener, Hints

_LONGEST_PATH = 100
"""Bytes of a socket's path: 104 with the closing NUL on macOS, 108 on Linux."""

_SETTLED_NS = 50_000_000
"""A directory changed more lately than this may change again without a new time stamp."""

_numbers = itertools.count(1)


class Bell:
    """The listeners of one store, in this process and beyond."""

    def __init__(self) -> None:
        self._here = Hints()
        self._directory: str | None = None
        self._lock = threading.Lock()
        self._ears: dict[asyncio.AbstractEventLoop, Ear] = {}
        self._others: frozenset[str] = frozenset()
        self._looked_at = -1
        self._mouth: socket.socket | None = None

    def hang(self, database: os.stat_result) -> None:
        """Say which file this is about, once it is open."""
        if hasattr(socket, "AF_UNIX") and hasattr(os, "getuid"):
            base = os.path.join(tempfile.gettempdir(), f"wherry-{os.getuid()}")
            directory = os.path.join(base, f"{database.st_dev:x}-{database.st_ino:x}")
            if len(os.fsencode(directory)) + 24 <= _LONGEST_PATH:
                self._directory = directory

    # --- listening -------------------------------------------------------------------------------
    @property
    def listened(self) -> bool:
        return self._here.listening

    def listen(self) -> BellListener:
        """A listener on the running loop; its first item is there at once."""
        loop = asyncio.get_running_loop()
        with self._lock:
            ear = self._ears.get(loop)
            if ear is None:
                ear = self._ears[loop] = Ear(loop, self._directory, self._here)
            ear.users += 1
        return BellListener(self, self._here.listen(), ear)

    def release(self, ear: Ear) -> None:
        """One listener of this loop fewer; the last one takes the socket along."""
        with self._lock:
            ear.users -= 1
            if ear.users:
                return
            self._ears.pop(ear.loop, None)
        ear.close()

    def close(self) -> None:
        """The store is closed: whoever listens still hears that it is over."""
        self._here.close()
        with self._lock:
            ears, self._ears = list(self._ears.values()), {}
        for ear in ears:
            ear.close()
        if self._mouth is not None:
            self._mouth.close()

    # --- ringing ---------------------------------------------------------------------------------
    def ring_here(self) -> None:
        """Wake the listeners of this process; may be called from any thread."""
        self._here.ring()

    def ring(self, *, here: bool = True) -> None:
        """Wake all listeners of this store, or those of other processes.  On the store's thread."""
        if here:
            self._here.ring()
        if self._directory is None:
            return
        self._look(self._directory)
        for name in self._others:
            self._send(os.path.join(self._directory, name))

    def _look(self, directory: str) -> None:
        """Learn who listens, if that has changed since the last look."""
        try:
            changed_at = os.stat(directory).st_mtime_ns
        except OSError:  # nobody listens, or it is not ours to look into
            self._others, self._looked_at = frozenset(), -1
            return
        if changed_at == self._looked_at:
            return
        try:
            names = frozenset(os.listdir(directory))
        except OSError:
            names = frozenset[str]()
        self._others = names - {ear.name for ear in list(self._ears.values())}
        self._looked_at = changed_at if time.time_ns() - changed_at > _SETTLED_NS else -1

    def _send(self, path: str) -> None:
        if self._mouth is None:
            self._mouth = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._mouth.setblocking(False)
        try:
            self._mouth.sendto(b"!", path)
        except ConnectionRefusedError:  # its process has died: nobody else takes it away
            _remove(path)
        except OSError:  # gone since, or its queue is full of rings that it has not heard yet
            return


class Ear:
    """The socket of one event loop; without one (`name` is "") only this process and the poll are heard."""

    def __init__(self, loop: asyncio.AbstractEventLoop, directory: str | None, here: Hints) -> None:
        self.loop, self.users, self.name = loop, 0, ""
        self._directory, self._here = directory, here
        self._socket: socket.socket | None = None
        if directory is not None and _is_private(os.path.dirname(directory)):
            self._bind(directory)

    def _bind(self, directory: str) -> None:
        name = f"{os.getpid()}-{next(_numbers)}"
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ear.setblocking(False)
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
            _remove(os.path.join(directory, name))  # a process of this number has died
            ear.bind(os.path.join(directory, name))
            self.loop.add_reader(ear, self._hear)
        except (OSError, NotImplementedError):
            ear.close()
            return
        self._socket, self.name = ear, name

    def _hear(self) -> None:
        assert self._socket is not None
        try:
            while self._socket.recv(16):
                pass
        except OSError:  # no more for now
            self._here.ring()

    def close(self) -> None:
        if self._socket is None:
            return
        if not self.loop.is_closed():
            self.loop.remove_reader(self._socket)
        self._socket.close()
        self._socket = None
        assert self._directory is not None
        _remove(os.path.join(self._directory, self.name))
        try:
            os.rmdir(self._directory)
        except OSError:  # others listen
            return


class BellListener:
    """Yields None at once, then whenever there may be changes; close it to stop listening."""

    def __init__(self, bell: Bell, hints: HintListener, ear: Ear) -> None:
        self._bell, self._hints, self._ear = bell, hints, ear
        self._open = True

    def __aiter__(self) -> BellListener:
        return self

    async def __anext__(self) -> None:
        await self._hints.__anext__()

    async def aclose(self) -> None:
        if self._open:
            self._open = False
            await self._hints.aclose()
            self._bell.release(self._ear)


def _is_private(base: str) -> bool:
    """Whether the directory is this user's own; made if it is not there."""
    try:
        os.makedirs(base, mode=0o700, exist_ok=True)
        status = os.lstat(base)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return
