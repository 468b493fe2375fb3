"""Asynchronous files for asyncio, over io_uring, kernel AIO or a pool of threads.

``open`` gives a file with a cursor, of text or bytes. ``open_aio`` gives an ``AioFile``, which is
addressed by offset: any number of reads and writes at once. ``fs`` has functions on paths,
``tempfile`` temporary files. What the kernel has in memory is read at once, without a turn of the
event loop.

    import asyncio
    import aiofile_rs

    async def main():
        async with aiofile_rs.open("greeting", "w") as file:
            await file.write("Hello\n")
        async with aiofile_rs.open_aio("greeting", "r+") as file:
            await asyncio.gather(file.write_at(b"h", 0), file.write_at(b"LL", 2))
            assert await file.read_at(6, 0) == b"heLLo\n"

    asyncio.run(main())
"""

from . import fs, tempfile
from ._engine import (
    AioFile,
    Awaitable,
    BinaryFile,
    Chunks,
    Context,
    CursorFile,
    TextFile,
    backends,
    default_context,
)
from ._install import install
from ._opening import Opening, open, open_aio

__all__ = [
    "AioFile",
    "Awaitable",
    "BinaryFile",
    "Chunks",
    "Context",
    "CursorFile",
    "Opening",
    "TextFile",
    "backends",
    "default_context",
    "fs",
    "install",
    "open",
    "open_aio",
    "tempfile",
]
