"""Opening: to be awaited, or entered with ``async with``, which closes again."""

from collections.abc import Coroutine

from . import _engine


class Opening(Coroutine):
    """A file that is about to be opened. Nothing happens before it is awaited or entered."""

    __slots__ = ("_file", "_operation")

    def __init__(self, operation):
        self._operation = operation

    def __await__(self):
        return self._operation

    def send(self, value):
        return self._operation.send(value)

    def throw(self, *exception):
        return self._operation.throw(*exception)

    def close(self):
        self._operation.close()

    async def __aenter__(self):
        self._file = await self._operation
        return self._file

    async def __aexit__(self, *exception):
        await self._file.close()


def open(path, mode="r", encoding=None, errors=None, newline=None, *, context=None):
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


def open_aio(path, mode="rb", *, direct=False, bounce=False, permissions=0o666, context=None):
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
