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
from collections.abc import Callable, Coroutine
from os import PathLike
from typing import Any, TypeVar

from . import fs
from ._engine import BinaryFile, Context, TextFile
from ._opening import open

__all__ = ["NamedTemporaryFile", "TemporaryDirectory", "TemporaryFile"]

_T = TypeVar("_T")
_Names = tuple[str, str, str | PathLike[str] | None]


class TemporaryDirectory:
    """A new directory. ``async with`` gives its path, and removes it with all that is in it."""

    def __init__(
        self,
        suffix: str = "",
        prefix: str = "tmp",
        dir: str | PathLike[str] | None = None,
        *,
        context: Context | None = None,
    ) -> None:
        self._names = (suffix, prefix, dir)
        self._context = context

    async def __aenter__(self) -> str:
        async def make(path: str) -> None:
            await fs.mkdir(path, context=self._context)
            await fs.chmod(path, 0o700, context=self._context)

        _, self.name = await _new(self._names, make)
        return self.name

    async def __aexit__(self, *exception: object) -> None:
        await fs.rmtree(self.name, context=self._context)


class NamedTemporaryFile:
    """A new file with a name. ``async with`` gives it open, and closes and removes it.

    It has ``name``, and the arguments after ``mode`` are those of ``aiofile_rs.open``.
    """

    def __init__(
        self,
        mode: str = "w+b",
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        *,
        suffix: str = "",
        prefix: str = "tmp",
        dir: str | PathLike[str] | None = None,
        context: Context | None = None,
    ) -> None:
        if "w" not in mode and not ("r" in mode and "+" in mode):
            raise ValueError(f"a new file is opened to be written, and not with {mode!r}")
        self._mode: str = mode.replace("r", "x").replace("w", "x")
        self._text = (encoding, errors, newline)
        self._names = (suffix, prefix, dir)
        self._context = context

    async def __aenter__(self) -> TextFile | BinaryFile:
        async def make(path: str) -> TextFile | BinaryFile:
            file = await open(path, self._mode, *self._text, context=self._context)
            await fs.chmod(path, 0o600, context=self._context)
            return file

        self._file, self.name = await _new(self._names, make)
        return self._file

    async def __aexit__(self, *exception: object) -> None:
        try:
            await self._file.close()
        finally:
            await fs.remove(self.name, context=self._context)


class TemporaryFile(NamedTemporaryFile):
    """A new file without a name. ``async with`` gives it open, and closes it, and so it is gone.

    The arguments are those of ``NamedTemporaryFile``. Nothing is left of a process that is killed.
    """

    async def __aenter__(self) -> TextFile | BinaryFile:
        file = await super().__aenter__()
        try:
            await fs.remove(self.name, context=self._context)
        except BaseException:
            await file.close()
            raise
        return file

    async def __aexit__(self, *exception: object) -> None:
        await self._file.close()


async def _new(
    names: _Names, make: Callable[[str], Coroutine[Any, Any, _T]]
) -> tuple[_T, str]:
    """Makes something under a name that nothing has."""
    suffix, prefix, directory = names
    directory = os.path.abspath(tempfile.gettempdir() if directory is None else directory)
    while True:
        path = os.path.join(directory, prefix + secrets.token_hex(8) + suffix)
        try:
            return await make(path), path
        except FileExistsError:
            continue
