"""Contexts, their choice, and many of them."""

import asyncio
import gc
import os
import threading

import pytest

import aiofile_rs


def test_a_context_says_what_it_is(context):
    assert context.backend in aiofile_rs.backends()
    assert f"backend       {context.backend}" in context.info
    assert context.backend in repr(context)
    assert context.metrics["in_flight"] == 0


def test_a_backend_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="valid names"):
        aiofile_rs.Context("nonsense")


def test_the_environment_chooses(program):
    said = program(
        """
        import os
        os.environ["CAIO_IMPL"] = "rust"
        import aiofile_rs
        print(aiofile_rs.default_context().backend)
        os.environ["CAIO_IMPL"] = "nonsense"
        try:
            aiofile_rs.Context()
        except ValueError as error:
            print("valid names" in str(error))
        """
    )
    assert said == "rust\nTrue\n"


def test_limits_hold(run, tmp_path):
    (tmp_path / "data").write_bytes(b"text")

    async def main():
        context = aiofile_rs.Context(max_requests=2, in_place=False)
        file = await aiofile_rs.open_aio(tmp_path / "data", context=context)
        reads = await asyncio.gather(*(file.read_at(4, 0) for _ in range(100)))
        assert reads == [b"text"] * 100
        assert context.metrics["submitted"] >= 100

    run(main())


def test_after_shutdown_nothing_is_accepted(run, context, tmp_path):
    async def main():
        file = await aiofile_rs.open_aio(tmp_path / "data", "wb+", context=context)
        await file.write_at(b"text", 0)
        assert await context.shutdown(60) == 0
        with pytest.raises(RuntimeError, match="shut down"):
            await file.write_at(b"more", 0)

    run(main())


def test_a_thousand_contexts(tmp_path):
    (tmp_path / "data").write_bytes(b"text")

    async def one(backend):
        context = aiofile_rs.Context(backend)
        async with aiofile_rs.open_aio(tmp_path / "data", "rb+", context=context) as file:
            assert await file.read_at(4, 0) == b"text"
        assert await context.shutdown() == 0

    async def main():
        for n in range(1000):
            await one("rust" if n % 10 else None)
            if n == 100:
                gc.collect()
                before = len(os.listdir("/proc/self/fd"))
        gc.collect()
        assert len(os.listdir("/proc/self/fd")) < before + 50

    asyncio.run(main())


def test_collections_do_no_harm(run, context, tmp_path):
    (tmp_path / "data").write_bytes(os.urandom(1 << 16))
    threshold = gc.get_threshold()
    over = threading.Event()

    def collect():
        while not over.is_set():
            gc.collect()

    async def main():
        async with aiofile_rs.open_aio(tmp_path / "data", "rb+", context=context) as file:
            for turn in range(30):
                cycle = [file]
                cycle.append(cycle)
                reads = [asyncio.create_task(file.read_at(100, n * 100)) for n in range(20)]
                reads.append(asyncio.create_task(file.fsync()))
                reads[turn % 20].cancel()
                await asyncio.gather(*reads, return_exceptions=True)

    collecting = threading.Thread(target=collect)
    collecting.start()
    gc.set_threshold(1)
    try:
        run(main())
    finally:
        gc.set_threshold(*threshold)
        over.set()
        collecting.join()
