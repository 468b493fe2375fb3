"""Asynchronous files for asyncio, over io_uring, kernel AIO or a pool of threads.

``open`` gives an ``AioFile``, which is addressed by offset: any number of reads and writes at once.
What the kernel has in memory is read at once, without a turn of the event loop.

    import asyncio
    import aiofile_rs

    async def main():
        async with aiofile_rs.open("data", "wb+") as file:
            await asyncio.gather(file.write_at(b"one", 0), file.write_at(b"two", 3))
            assert await file.read_at(6, 0) == b"onetwo"

    asyncio.run(main())
"""

from ._engine import AioFile, Awaitable, Context, backends, default_context
from ._opening import open

__all__ = [
    "AioFile",
    "Awaitable",
    "Context",
    "backends",
    "default_context",
    "open",
]
