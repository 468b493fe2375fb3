"""Operations as asyncio sees them."""

import asyncio
import collections.abc
import gc
import os

import pytest

import aiofile_rs


def cached(tmp_path):
    path = tmp_path / "data"
    path.write_bytes(b"0123456789" * 1000)
    return path


def test_cached_data_needs_no_loop(tmp_path):
    path = cached(tmp_path)
    file = asyncio.run(opened(path))
    operation = file.read_at(10, 5)
    with pytest.raises(StopIteration) as ended:
        # Once in a while it leaves room for other tasks first.
        assert operation.send(None) is None
        operation.send(None)
    assert ended.value.value == b"5678901234"


async def opened(path):
    return await aiofile_rs.open_aio(path)


def test_an_operation_is_a_coroutine(run, tmp_path):
    path = cached(tmp_path)

    async def main():
        opening = aiofile_rs.open_aio(path)
        assert isinstance(opening, collections.abc.Coroutine)
        file = await asyncio.create_task(opening)
        operation = file.read_at(10, 0)
        assert isinstance(operation, collections.abc.Coroutine)
        assert asyncio.iscoroutine(operation)
        assert await asyncio.create_task(operation) == b"0123456789"
        assert await asyncio.wait_for(file.read_at(3, 0), 60) == b"012"
        async with asyncio.timeout(60):
            assert await file.read_at(3, 1) == b"123"
        assert await asyncio.gather(file.read_at(1, 0), file.read_at(1, 1)) == [b"0", b"1"]
        assert await asyncio.shield(file.read_at(1, 2)) == b"2"

    run(main())


def test_an_operation_is_awaited_once(run, tmp_path):
    path = cached(tmp_path)

    async def main():
        file = await aiofile_rs.open_aio(path)
        operation = file.read_at(1, 0)
        assert "not awaited yet" in repr(operation)
        await operation
        assert "done" in repr(operation)
        with pytest.raises(RuntimeError, match="awaited already"):
            await operation

    run(main())


def test_two_tasks_do_not_share_one_operation(run):
    async def main():
        reader, writer = os.pipe()
        file = await aiofile_rs.open_aio(f"/dev/fd/{reader}")
        operation = file.read_at(4, 0)
        first = asyncio.create_task(wait(operation))
        await asyncio.sleep(0)
        operation.close()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        with pytest.raises(RuntimeError, match="awaited already"):
            await operation
        os.close(reader)
        os.close(writer)

    run(main())


async def wait(operation):
    return await operation


def test_what_is_never_awaited_is_told(tmp_path):
    path = cached(tmp_path)
    file = asyncio.run(opened(path))
    with pytest.warns(RuntimeWarning, match="read_at was never awaited"):
        file.read_at(1, 0)
        gc.collect()


def test_cached_reads_let_other_tasks_run(run, tmp_path):
    path = cached(tmp_path)

    async def main():
        file = await aiofile_rs.open_aio(path)
        turns = 0

        async def count():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        for _ in range(10_000):
            await file.read_at(10, 0)
        counting.cancel()
        assert turns > 10

    run(main())


def test_an_exception_in_a_task_gives_the_operation_up(run):
    async def main():
        reader, writer = os.pipe()
        file = await aiofile_rs.open_aio(f"/dev/fd/{reader}")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await file.read_at(4, 0)
        os.write(writer, b"kept")
        assert await file.read_at(4, 0) == b"kept"
        os.close(reader)
        os.close(writer)

    run(main())


def test_outside_of_a_loop_a_wait_says_so(tmp_path):
    reader, writer = os.pipe()
    file = asyncio.run(opened(f"/dev/fd/{reader}"))
    with pytest.raises(RuntimeError, match="neither asyncio nor trio"):
        file.read_at(4, 0).send(None)
    os.close(reader)
    os.close(writer)
