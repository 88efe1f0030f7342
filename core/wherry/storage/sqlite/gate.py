"""A lock file beside the database that processes take in turn, around each write.

SQLite's own waiting sleeps up to 100 ms between looks, so one of several busy writers can starve for
seconds.  It still guards the data; this only orders those who come through wherry.
"""

from __future__ import annotations

import os
import time
from typing import Self

from wherry.errors import StorageUnavailable
from wherry.storage.sqlite.refusals import BUSY_S

try:
    import fcntl
except ImportError:  # Windows: SQLite's busy timeout alone has to do
    fcntl = None

_FIRST_NAP_S, _LONGEST_NAP_S = 0.000_05, 0.001


class Gate:
    """A context manager; entered by one process (and one store in it) at a time.

    Args:
        database: path of the database; the gate is `DATABASE-gate`, and stays when all have left.
    """

    def __init__(self, database: str) -> None:
        self.path = f"{database}-gate"
        self._database = database
        self._file = -1
        if fcntl is not None:
            try:
                self._file = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            except OSError as error:
                raise StorageUnavailable(
                    f"{database}: no lock file can be made beside it ({error.strerror}); "
                    "allow this user to write in its directory."
                ) from error

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def __enter__(self) -> Self:
        if fcntl is not None and not self._try():
            self._wait()
        return self

    def __exit__(self, *exc: object) -> None:
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def _try(self) -> bool:
        assert fcntl is not None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _wait(self) -> None:
        """Look again and again.  A blocking lock has no limit: a stopped process would stop all others."""
        deadline = time.monotonic() + BUSY_S
        nap_s = _FIRST_NAP_S
        while not self._try():
            if time.monotonic() > deadline:
                raise StorageUnavailable(
                    f"{self._database}: another process has held it for {BUSY_S:g} s; end that process."
                )
            time.sleep(nap_s)
            nap_s = min(nap_s * 1.5, _LONGEST_NAP_S)
