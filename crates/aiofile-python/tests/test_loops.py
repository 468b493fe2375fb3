"""Event loops: several, in threads, closed in flight."""

import asyncio
import concurrent.futures
import gc
import os

import pytest

import aiofile_rs


async def read(file, count, offset):
    return await file.read_at(count, offset)


def test_one_file_in_loops_of_several_threads(run, context, tmp_path):
    contents = os.urandom(1 << 18)
    (tmp_path / "data").write_bytes(contents)

    async def main(file):
        for turn in range(20):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            offsets = range(turn, 1 << 18, 10_007)
            reads = await asyncio.gather(*(file.read_at(100, offset) for offset in offsets))
            assert reads == [contents[offset : offset + 100] for offset in offsets]

    async def opened():
        return await aiofile_rs.open_aio(tmp_path / "data", context=context)

    file = run(opened())
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        for ended in [threads.submit(run, main(file)) for _ in range(4)]:
            ended.result()


def test_wakes_come_from_other_threads(run, context):
    async def main():
        reader, writer = os.pipe()
        file = await aiofile_rs.open_aio(f"/dev/fd/{reader}", context=context)
        for n in range(50):
            task = asyncio.create_task(file.read_at(10, 0))
            await asyncio.sleep(0)
            await asyncio.to_thread(os.write, writer, b"%d" % n)
            assert await task == b"%d" % n
        os.close(reader)
        os.close(writer)

    run(main())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_is_closed_in_flight_harms_no_other(context):
    reader, writer = os.pipe()

    async def opened():
        return await aiofile_rs.open_aio(f"/dev/fd/{reader}", context=context)

    file = asyncio.run(opened())
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)
    task = loop.create_task(read(file, 4, 0))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    os.write(writer, b"lost")
    del loop, task
    gc.collect()

    async def other():
        os.write(writer, b"found")
        return await file.read_at(100, 0)

    assert asyncio.run(other()).endswith(b"found")
    os.close(reader)
    os.close(writer)


def test_a_loop_takes_its_descriptors_with_it(context, tmp_path):
    (tmp_path / "data").write_bytes(b"text")

    async def main():
        async with aiofile_rs.open_aio(tmp_path / "data", "rb+", context=context) as file:
            await file.fsync()
            assert await file.read_at(4, 0) == b"text"

    asyncio.run(main())
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        asyncio.run(main())
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_task_that_nobody_keeps_ends(run, tmp_path):
    path = tmp_path / "data"
    path.write_bytes(b"text")

    async def main():
        ended = asyncio.Event()

        async def forgotten():
            async with aiofile_rs.open_aio(path, "rb+") as file:
                await file.fsync()
            ended.set()

        asyncio.create_task(forgotten())
        for _ in range(3):
            await asyncio.sleep(0)
            gc.collect()
        await ended.wait()

    run(main())
