"""Opening: to be awaited, or entered with ``async with``, which closes again."""

from collections.abc import Coroutine, Generator
from os import PathLike
from typing import Any, Generic, Literal, TypeVar, overload

from . import _engine
from ._engine import AioFile, Awaitable, BinaryFile, Context, TextFile

_File = TypeVar("_File", bound=AioFile | BinaryFile | TextFile)
_Path = str | bytes | PathLike[str]
_TextMode = Literal[
    "r", "r+", "+r", "rt", "tr", "rt+", "r+t", "w", "w+", "+w", "wt", "tw", "wt+", "w+t",
    "a", "a+", "+a", "at", "ta", "at+", "a+t", "x", "x+", "+x", "xt", "tx", "xt+", "x+t",
]  # fmt: skip
_BinaryMode = Literal[
    "rb", "br", "rb+", "r+b", "wb", "bw", "wb+", "w+b",
    "ab", "ba", "ab+", "a+b", "xb", "bx", "xb+", "x+b",
]  # fmt: skip


class Opening(Coroutine[Any, Any, _File], Generic[_File]):
    """A file that is about to be opened. Nothing happens before it is awaited or entered."""

    __slots__ = ("_file", "_operation")

    def __init__(self, operation: "Awaitable[_File]") -> None:
        self._operation: Awaitable[_File] = operation

    def __await__(self) -> Generator[Any, Any, _File]:
        return self._operation.__await__()

    def send(self, value: Any) -> Any:
        """Goes on with the operation."""
        return self._operation.send(value)

    def throw(self, *exception: Any) -> Any:
        """Gives the operation up, and raises the exception."""
        return self._operation.throw(*exception)

    def close(self) -> None:
        """Gives the operation up."""
        self._operation.close()

    async def __aenter__(self) -> _File:
        self._file = await self._operation
        return self._file

    async def __aexit__(self, *exception: object) -> None:
        await self._file.close()


@overload
def open(
    path: _Path,
    mode: _TextMode = "r",
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    *,
    context: Context | None = None,
) -> Opening[TextFile]: ...
@overload
def open(
    path: _Path, mode: _BinaryMode, *, context: Context | None = None
) -> Opening[BinaryFile]: ...
@overload
def open(
    path: _Path,
    mode: str,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    *,
    context: Context | None = None,
) -> Opening[TextFile] | Opening[BinaryFile]: ...
def open(
    path: _Path,
    mode: str = "r",
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    *,
    context: Context | None = None,
) -> Opening[TextFile] | Opening[BinaryFile]:
    """Opens a file with a cursor: a ``TextFile``, or with ``b`` in the mode a ``BinaryFile``.

    The arguments mean what they mean to Python's own ``open``. Text is UTF-8 where no encoding is
    named; ``errors`` is ``strict``, ``replace`` or ``ignore``.

    One hop; none to read a file whose path the kernel has in memory, on a local file system.

    Raises ``ValueError`` for a bad mode or newline and ``LookupError`` for an unknown encoding, at
    once, and ``OSError`` for what the system answers. Cancelled, no descriptor stays open; a file
    may have been created or cut off.
    """
    if "b" not in mode:
        return Opening(_engine.open_text(path, mode, encoding, errors, newline, context=context))
    if encoding is not None or errors is not None or newline is not None:
        raise ValueError("binary mode takes no encoding, errors or newline argument")
    return Opening(_engine.open_binary(path, mode, context=context))


def open_aio(
    path: _Path,
    mode: str = "rb",
    *,
    direct: bool = False,
    bounce: bool = False,
    permissions: int = 0o666,
    context: Context | None = None,
) -> Opening[AioFile]:
    """Opens a file to be addressed by offset, as an ``AioFile``.

    ``mode`` is as for Python's own ``open``, and the file holds bytes with and without ``b``.
    ``direct`` goes past the page cache (``O_DIRECT``): lengths and offsets of writes are then
    multiples of the device's block, unless ``bounce`` has others go through the cache.

    Costs, errors and cancellation as for ``open``.
    """
    opening = _engine.open_aio(
        path,
        mode,
        direct=direct,
        bounce=bounce,
        permissions=permissions,
        context=context,
    )
    return Opening(opening)
