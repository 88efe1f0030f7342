"""A host's wall clock that a test can set: as far ahead of the true one as a file says."""

from __future__ import annotations

import mmap
import os
import struct
from pathlib import Path

from wherry import entropy


class HostClock(entropy.SystemEntropy):
    """The clock of every process that opens the same file.  None: the true clock."""

    def __init__(self, path: Path | None) -> None:
        super().__init__()
        self._ahead: mmap.mmap | None = None
        if path is not None:
            if not path.exists():
                path.write_bytes(bytes(8))
            file = os.open(path, os.O_RDWR)
            self._ahead = mmap.mmap(file, 8)
            os.close(file)

    def wall_ms(self) -> int:
        return super().wall_ms() + (struct.unpack("q", self._ahead[:])[0] if self._ahead else 0)

    now_ms = wall_ms

    def jump(self, ms: int) -> None:
        """Set the clock of all these processes ahead, or back."""
        assert self._ahead is not None
        self._ahead[:] = struct.pack("q", ms)
