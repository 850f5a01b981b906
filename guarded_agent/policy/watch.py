"""Tell whether a policy file is another one than the one that was read.

Its time of change, its size and its number in the file system are compared: one look at the
directory, and no thread. A file that is being written is left alone until it rests, as half
of a policy may be a policy too.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

RESTS = 1.0
"""Seconds without a change after which a file counts as written."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """How a file was when it was read.

    Attributes:
        file: Its absolute path.
        mtime_ns: When it was changed last; -1 if it was not there, or is no plain file.
        size: How long it was.
        inode: Which file it was: one that is renamed over it is another.
    """

    file: str
    mtime_ns: int = -1
    size: int = 0
    inode: int = 0

    @classmethod
    def of(cls, file: str, found: os.stat_result | None) -> Stamp:
        """Return the stamp of what `os.stat` found."""
        path = os.path.abspath(file)
        if found is None or not stat.S_ISREG(found.st_mode):
            return cls(path)
        return cls(path, found.st_mtime_ns, found.st_size, found.st_ino)

    @property
    def is_there(self) -> bool:
        """Whether there is a plain file that can be read without waiting for anybody."""
        return self.mtime_ns >= 0

    def now(self) -> Stamp:
        """Return the stamp that the file has now.

        Example:
            >>> Stamp("/no/such/file").now().is_there
            False
        """
        try:
            found = os.stat(self.file)
        except (OSError, ValueError):
            found = None
        return Stamp.of(self.file, found)

    def rests(self, now: float) -> bool:
        """Return whether nobody seems to be writing the file.

        Args:
            now: Seconds since the epoch.

        Example:
            >>> Stamp("policy.yaml", 10_000_000_000).rests(10.5)
            False
        """
        return self.is_there and now - self.mtime_ns / 1e9 > RESTS
