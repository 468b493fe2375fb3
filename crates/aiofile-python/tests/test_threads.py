"""Several threads at one object, which free-threaded interpreters run at once."""

import asyncio
import os
import threading

import aiofile_rs

THREADS = 4


def together(work):
    """Has some threads begin at once, and raises what any of them raised."""
    barrier, raised = threading.Barrier(THREADS), []

    def one(number):
        barrier.wait()
        try:
            work(number)
        except BaseException as error:
            raised.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if raised:
        raise raised[0]


async def opened(opening):
    return await opening


def test_one_operation_is_one_threads(tmp_path):
    (tmp_path / "data").write_bytes(b"0123456789")
    file = asyncio.run(opened(aiofile_rs.open_aio(tmp_path / "data")))
    for _ in range(200):
        operation, ended = file.read_at(10, 0), []

        def work(_):
            try:
                # Once in a while it leaves room for other tasks first.
                while operation.send(None) is None:
                    pass
            except StopIteration as stopped:
                ended.append(stopped.value)
            except RuntimeError as error:
                assert "awaited already" in str(error)

        together(work)
        assert ended == [b"0123456789"]


def test_a_file_is_closed_while_others_read(context, tmp_path):
    contents = os.urandom(1 << 16)
    (tmp_path / "data").write_bytes(contents)

    def work(number):
        async def main():
            buffer = bytearray(100)
            for turn in range(1000):
                try:
                    if number == 0 and turn == 100:
                        await file.close()
                    offset = (turn * 37) % 60_000
                    assert await file.read_at(100, offset) == contents[offset : offset + 100]
                    assert await file.readinto(buffer, offset) == 100
                    assert buffer == contents[offset : offset + 100]
                    assert file.name and file.fileno() > 2 and context.metrics["submitted"] >= 0
                except ValueError as error:
                    assert "closed" in str(error)
                    return

        asyncio.run(main())

    for _ in range(5):
        file = asyncio.run(opened(aiofile_rs.open_aio(tmp_path / "data", context=context)))
        together(work)
        assert file.closed


def test_threads_take_turns_at_a_cursor(context, tmp_path):
    path = tmp_path / "lines"
    path.write_bytes(b"".join(b"%05d\n" % n for n in range(4000)))
    file = asyncio.run(opened(aiofile_rs.open(path, "rb", context=context)))
    lines = [[] for _ in range(THREADS)]

    def work(number):
        async def main():
            async for line in file:
                lines[number].append(line)

        asyncio.run(main())

    together(work)
    assert b"".join(sorted(line for of_one in lines for line in of_one)) == path.read_bytes()
    assert all(of_one == sorted(of_one) for of_one in lines)


def test_threads_begin_with_the_default_context(program, tmp_path):
    (tmp_path / "data").write_bytes(b"text")
    said = program(
        """
        import asyncio, sys, threading, aiofile_rs

        async def main():
            async with aiofile_rs.open_aio(sys.argv[1], "rb+") as file:
                await file.fsync()
                assert await file.read_at(4, 0) == b"text"

        def work():
            barrier.wait()
            asyncio.run(main())
            ended.append(1)

        barrier, ended = threading.Barrier(8), []
        threads = [threading.Thread(target=work) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        print(len(ended))
        """,
        tmp_path / "data",
    )
    assert said == "8\n"


def test_threads_submit_to_one_context(program, tmp_path):
    """A completion that comes while its operation is still being submitted is not lost."""
    said = program(
        """
        import os, sys, threading, time
        from aiofile_rs.caio import variants

        def work(variant, context, number):
            barrier.wait()
            for turn in range(50):
                batch = []
                for n in range(16):
                    operation = variant.Operation.write(b"x", descriptor, number * 16 + n)
                    operation.set_callback(called.append)
                    batch.append(operation)
                assert context.submit(*batch) == 16

        descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
        for variant in variants:
            context, called, barrier = variant.Context(4 * 50 * 16), [], threading.Barrier(4)
            arguments = [(variant, context, number) for number in range(4)]
            threads = [threading.Thread(target=work, args=one) for one in arguments]
            [thread.start() for thread in threads]
            [thread.join() for thread in threads]
            while len(called) < 4 * 50 * 16:
                for name in ("flush", "process_events"):
                    getattr(context, name, lambda: None)()
                time.sleep(0)
            assert called == [1] * len(called)
        print("all")
        """,
        tmp_path / "data",
    )
    assert said == "all\n"
