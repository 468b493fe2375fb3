"""trio, and anyio on it."""

import os

import pytest

import aiofile_rs
from aiofile_rs import fs

trio = pytest.importorskip("trio")


def test_reads_and_writes_at_once(context, tmp_path):
    contents = os.urandom(1 << 20)

    async def main():
        async with aiofile_rs.open_aio(tmp_path / "data", "wb+", context=context) as file:
            async with trio.open_nursery() as nursery:
                for offset in range(0, 1 << 20, 1 << 16):
                    data = contents[offset : offset + (1 << 16)]
                    nursery.start_soon(write, file, data, offset)
            await file.fsync()
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            read = {}
            async with trio.open_nursery() as nursery:
                for offset in range(0, 1 << 20, 1 << 14):
                    nursery.start_soon(keep, read, file, offset)
            assert b"".join(read[offset] for offset in sorted(read)) == contents

    async def write(file, data, offset):
        assert await file.write_at(data, offset) == len(data)

    async def keep(read, file, offset):
        read[offset] = await file.read_at(1 << 14, offset)

    trio.run(main)
    assert (tmp_path / "data").read_bytes() == contents


def test_a_cancelled_read_of_a_pipe_eats_nothing(context):
    reader, writer = os.pipe()

    async def main():
        file = await aiofile_rs.open_aio(f"/dev/fd/{reader}", context=context)
        for _ in range(10):
            with trio.move_on_after(0):
                await file.read_at(4, 0)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(expect, file)
            await trio.testing.wait_all_tasks_blocked()
            await trio.to_thread.run_sync(os.write, writer, b"whole")
        await file.close()

    async def expect(file):
        assert await file.read_at(100, 0) == b"whole"

    import trio.testing

    trio.run(main)
    os.close(reader)
    os.close(writer)


def test_cached_reads_let_other_tasks_run(tmp_path):
    (tmp_path / "data").write_bytes(b"text")
    turns = 0

    async def main():
        file = await aiofile_rs.open_aio(tmp_path / "data")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(count)
            for _ in range(10_000):
                assert await file.read_at(4, 0) == b"text"
            nursery.cancel_scope.cancel()

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    trio.run(main)
    assert turns > 10


def test_files_with_a_cursor_and_paths(tmp_path):
    async def main():
        await fs.write_text(tmp_path / "text", "one\ntwo\n")
        async with aiofile_rs.open(tmp_path / "text") as file:
            assert [line async for line in file] == ["one\n", "two\n"]
        assert await fs.listdir(tmp_path) == ["text"]

    for _ in range(3):
        trio.run(main)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_anyio(tmp_path, backend):
    anyio = pytest.importorskip("anyio")

    async def main():
        async with aiofile_rs.open_aio(tmp_path / "data", "wb+") as file:
            async with anyio.create_task_group() as group:
                for n in range(50):
                    group.start_soon(file.write_at, b"%02d" % n, n * 2)
            await file.fsync()
            assert await file.read_to_end() == b"".join(b"%02d" % n for n in range(50))

    anyio.run(main, backend=backend)
