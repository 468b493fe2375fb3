"""Operations that are given up."""

import asyncio
import gc
import os
import weakref

import pytest

import aiofile_rs


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


async def cancelled(task):
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_cancelled_read_of_a_pipe_eats_nothing(run, context, pipe):
    reader, writer = pipe

    async def main():
        file = await aiofile_rs.open_aio(f"/dev/fd/{reader}", context=context)
        for _ in range(20):
            task = asyncio.create_task(file.read_at(4, 0))
            await asyncio.sleep(0)
            await cancelled(task)
        os.write(writer, b"whole")
        assert await file.read_at(100, 0) == b"whole"

    run(main())


def test_a_task_that_is_cancelled_before_its_first_step(run, tmp_path):
    async def main():
        async with aiofile_rs.open_aio(tmp_path / "data", "wb") as file:
            await cancelled(asyncio.create_task(file.write_at(b"text", 0)))

    run(main())
    assert (tmp_path / "data").read_bytes() == b""


def test_a_buffer_comes_back_after_a_cancelled_read(run, context, pipe):
    reader, _ = pipe

    async def main():
        file = await aiofile_rs.open_aio(f"/dev/fd/{reader}", context=context)
        buffer = bytearray(8)
        task = asyncio.create_task(file.readinto(buffer, 0))
        await asyncio.sleep(0)
        with pytest.raises(BufferError):
            buffer.append(0)
        await cancelled(task)
        del task
        while True:
            try:
                buffer.append(0)
                break
            except BufferError:
                await asyncio.sleep(0)

    run(main())


def test_the_memory_outlives_whoever_lent_it(run, context, pipe):
    class Owner(bytearray):
        pass

    reader, writer = pipe

    async def main():
        file = await aiofile_rs.open_aio(f"/dev/fd/{reader}", context=context)
        owner = Owner(8)
        gone = weakref.ref(owner)
        task = asyncio.create_task(file.readinto(owner, 0))
        await asyncio.sleep(0)
        del owner
        gc.collect()
        assert gone() is not None
        os.write(writer, b"late")
        assert await task == 4
        del task
        gc.collect()
        assert gone() is None

    run(main())


def test_cancelled_storms_leave_nothing_in_flight(run, context, tmp_path):
    (tmp_path / "data").write_bytes(os.urandom(1 << 20))

    async def main():
        file = await aiofile_rs.open_aio(tmp_path / "data", direct=False, context=context)
        for turn in range(30):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            reads = [
                asyncio.create_task(file.read_at(4096, n * 4096 * 3)) for n in range(turn)
            ]
            await asyncio.sleep(0)
            for read in reads[::2]:
                read.cancel()
            done = await asyncio.gather(*reads, return_exceptions=True)
            assert all(isinstance(one, (bytes, asyncio.CancelledError)) for one in done)
        await file.close()
        while context.metrics["in_flight"]:
            await asyncio.sleep(0)

    run(main())


def test_a_cancelled_open_leaves_no_descriptor(run, context, tmp_path):
    async def main():
        for n in range(50):
            task = asyncio.create_task(aiofile_rs.open_aio(tmp_path / str(n), "wb", context=context))
            await asyncio.sleep(0)
            task.cancel()
            try:
                await (await task).close()
            except asyncio.CancelledError:
                pass
        while context.metrics["in_flight"]:
            await asyncio.sleep(0)
        await context.shutdown()
        held = [link for link in descriptors() if link.startswith(str(tmp_path))]
        assert held == []

    run(main())


def descriptors():
    for name in os.listdir("/proc/self/fd"):
        try:
            yield os.readlink(f"/proc/self/fd/{name}")
        except FileNotFoundError:
            pass
