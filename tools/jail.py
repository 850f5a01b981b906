"""One folder, and no way out of it.

A path is taken apart and walked from the folder downward, one name at a time,
each opened relative to the one before and none of them through a symbolic
link. No path is ever resolved as text, so nothing that changes between a check
and its use can lead outside.
"""

from __future__ import annotations

import os
import secrets
import shutil
import stat
import unicodedata
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

MAX_DEPTH = 20
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
# Non-blocking, so that opening a named pipe does not wait for its other end.
_FILE = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def check_path(path: str) -> str:
    """Return `path` if it is the one spelling of a place inside a folder.

    Relative, with `/` between names; no empty name, `.` or `..`, no backslash, no control
    character. So what a policy compares is what is opened.

    Raises:
        ValueError: It is not.

    Example:
        >>> check_path("reports/2026.txt")
        'reports/2026.txt'
        >>> check_path("reports/../../etc/passwd")
        Traceback (most recent call last):
        ValueError: a path may not contain '..'
    """
    if path.startswith("/"):
        raise ValueError("a path must be relative to the folder, without a leading '/'")
    if "\\" in path or any(unicodedata.category(char) in {"Cc", "Cs"} for char in path):
        raise ValueError("a path may not contain backslashes or control characters")
    names = path.split("/")
    if len(names) > MAX_DEPTH:
        raise ValueError(f"a path may not be deeper than {MAX_DEPTH} folders")
    for name in names:
        if name in {"", ".", ".."}:
            raise ValueError(f"a path may not contain {name or 'an empty name'!r}")
        if len(name.encode()) > 255:
            raise ValueError("a name in a path may not be longer than 255 bytes")
    return path


class Jail:
    """The files under one folder.

    Every method takes a path that `check_path` accepts, raises `ValueError` for
    others and `OSError` for what the file system refuses.

    Args:
        root: The folder. It must exist.
        max_bytes: The largest file that is read or written.

    Raises:
        NotImplementedError: This platform cannot open files relative to a folder.
    """

    def __init__(self, root: Path, max_bytes: int) -> None:
        if os.open not in os.supports_dir_fd or not hasattr(os, "O_NOFOLLOW"):
            raise NotImplementedError("a folder cannot be closed off on this platform")
        self.root = root.resolve(strict=True)
        self.max_bytes = max_bytes

    def read(self, path: str) -> bytes:
        """Return the bytes of a regular file, at most one more than `max_bytes`."""
        with self._parent(path) as (folder, name):
            descriptor = os.open(name, _FILE, dir_fd=folder)
            with os.fdopen(descriptor, "rb") as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise IsADirectoryError("not a regular file")
                return file.read(self.max_bytes + 1)

    def write(self, path: str, data: bytes) -> None:
        """Put `data` in place of the file at once: readers see the old or the new one."""
        with self._parent(path, create=True) as (folder, name):
            mode = _mode(folder, name)
            temporary = f".{secrets.token_hex(8)}.part"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            descriptor = os.open(temporary, flags, mode, dir_fd=folder)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                os.unlink(temporary, dir_fd=folder)
                raise

    def delete(self, path: str) -> None:
        """Delete a file, a link itself, or a folder with everything in it."""
        with self._parent(path) as (folder, name):
            kind = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
            if stat.S_ISDIR(kind):
                shutil.rmtree(name, dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)

    def entries(self, path: str) -> list[tuple[str, os.stat_result]]:
        """Return names and what they are, links unfollowed; `.` is the folder itself."""
        with self._folder([] if path == "." else check_path(path).split("/")) as folder:
            names = sorted(os.listdir(folder))
            return [(name, os.stat(name, dir_fd=folder, follow_symlinks=False)) for name in names]

    @contextmanager
    def _parent(self, path: str, *, create: bool = False) -> Generator[tuple[int, str]]:
        *folders, name = check_path(path).split("/")
        with self._folder(folders, create=create) as folder:
            yield folder, name

    @contextmanager
    def _folder(self, names: list[str], *, create: bool = False) -> Generator[int]:
        descriptor = os.open(self.root, _FOLDER)
        try:
            for name in names:
                if create:
                    _ensure(name, descriptor)
                inner = os.open(name, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)


def _ensure(name: str, folder: int) -> None:
    with suppress(FileExistsError):
        os.mkdir(name, dir_fd=folder)


def _mode(folder: int, name: str) -> int:
    """Return the permissions that a new version of the file gets: those of the old one."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return 0o666
    if not stat.S_ISREG(found):
        raise IsADirectoryError("not a regular file")
    return stat.S_IMODE(found)
