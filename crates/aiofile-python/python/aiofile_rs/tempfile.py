"""Temporary files and directories, as asynchronous context managers.

    async with TemporaryDirectory() as directory:
        async with NamedTemporaryFile("w+", dir=directory) as file:
            await file.write("gone soon")

What they make is private to this user, and is removed at the end of the ``async with``, whatever
has happened in it. A process that is killed leaves it behind.
"""

import os
import secrets
import tempfile

from . import fs
from ._opening import open

__all__ = ["NamedTemporaryFile", "TemporaryDirectory"]


class TemporaryDirectory:
    """A new directory. ``async with`` gives its path, and removes it with all that is in it."""

    def __init__(self, suffix="", prefix="tmp", dir=None, *, context=None):
        self._names = (suffix, prefix, dir)
        self._context = context

    async def __aenter__(self):
        async def make(path):
            await fs.mkdir(path, context=self._context)
            await fs.chmod(path, 0o700, context=self._context)

        _, self.name = await _new(self._names, make)
        return self.name

    async def __aexit__(self, *exception):
        await fs.rmtree(self.name, context=self._context)


class NamedTemporaryFile:
    """A new file with a name. ``async with`` gives it open, and closes and removes it.

    It has ``name``, and the arguments after ``mode`` are those of ``aiofile_rs.open``.
    """

    def __init__(
        self,
        mode="w+b",
        encoding=None,
        errors=None,
        newline=None,
        *,
        suffix="",
        prefix="tmp",
        dir=None,
        context=None,
    ):
        if not mode.startswith("w"):
            raise ValueError(f"a new file is opened to be written, and not with {mode!r}")
        self._mode = mode.replace("w", "x", 1)
        self._text = (encoding, errors, newline)
        self._names = (suffix, prefix, dir)
        self._context = context

    async def __aenter__(self):
        async def make(path):
            file = await open(path, self._mode, *self._text, context=self._context)
            await fs.chmod(path, 0o600, context=self._context)
            return file

        self._file, self.name = await _new(self._names, make)
        return self._file

    async def __aexit__(self, *exception):
        try:
            await self._file.close()
        finally:
            await fs.remove(self.name, context=self._context)


async def _new(names, make):
    """Makes something under a name that nothing has."""
    suffix, prefix, directory = names
    directory = os.path.abspath(tempfile.gettempdir() if directory is None else directory)
    while True:
        path = os.path.join(directory, prefix + secrets.token_hex(8) + suffix)
        try:
            return await make(path), path
        except FileExistsError:
            continue
