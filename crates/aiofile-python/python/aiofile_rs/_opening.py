"""Opening: to be awaited, or entered with ``async with``, which closes again."""

from collections.abc import Coroutine

from ._engine import open_aio


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


def open(path, mode="rb", *, direct=False, bounce=False, permissions=0o666, context=None):
    """Opens a file to be addressed by offset, as an ``AioFile``.

    ``mode`` is as for Python's own ``open``, and files hold bytes with and without ``b``. ``direct``
    goes past the page cache (``O_DIRECT``): lengths and offsets of writes are then multiples of the
    device's block, unless ``bounce`` has others go through the cache.

    One hop; none to read a file whose path the kernel has in memory, on a local file system.

    Raises ``ValueError`` for a bad mode, at once, and ``OSError`` for what the system answers.
    Cancelled, no descriptor stays open; a file may have been created or cut off.
    """
    return Opening(
        open_aio(
            path,
            mode,
            direct=direct,
            bounce=bounce,
            permissions=permissions,
            context=context,
        )
    )
