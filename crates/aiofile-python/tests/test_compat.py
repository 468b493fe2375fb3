"""The package under caio's name."""

import asyncio
import os

import pytest

from aiofile_rs import caio

COLLECTED = [one for one in (caio.linux_uring, caio.linux_aio) if one]


@pytest.fixture(params=caio.variants_asyncio, ids=lambda module: module.__name__.split(".")[-1])
def asynchronous(request):
    return request.param


@pytest.fixture(params=caio.variants, ids=lambda module: module.__name__.split(".")[-1])
def variant(request):
    return request.param


@pytest.fixture
def descriptor(tmp_path):
    descriptor = os.open(tmp_path / "data", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def test_operations_are_awaited(run, asynchronous, descriptor):
    async def main():
        async with asynchronous.AsyncioContext(max_requests=4) as context:
            writes = [context.write(b"%04d" % n, descriptor, n * 4) for n in range(100)]
            assert await asyncio.gather(*writes) == [4] * 100
            await context.fsync(descriptor)
            await context.fdsync(descriptor)
            reads = [context.read(4, descriptor, n * 4) for n in range(100)]
            assert await asyncio.gather(*reads) == [b"%04d" % n for n in range(100)]
            assert await context.read(100, descriptor, 398) == b"99"
            assert await context.read(0, descriptor, 0) == b""
            with pytest.raises((SystemError, OSError), match="Bad file descriptor"):
                await context.read(1, 1 << 20, 0)
            with pytest.raises((TypeError, ValueError)):
                await context.write("text", descriptor, 0)

    run(main())


def test_operations_are_submitted_and_awaited(run, asynchronous, descriptor):
    async def main():
        async with asynchronous.AsyncioContext() as context:
            write = asynchronous.Operation.write(b"text", descriptor, 0)
            assert await context.submit(write) == 4
            read = asynchronous.Operation.read(8, descriptor, 0)
            assert await context.submit(read) == b"text"
            with pytest.raises(OSError, match="not submitted"):
                await context.submit(read)
            with pytest.raises(ValueError):
                await context.submit(object())

    run(main())


def collected(context, ended):
    """Waits for a callback, in the manner of each module."""
    while not ended:
        if hasattr(context, "flush"):
            context.flush()
        if hasattr(context, "process_events"):
            context.process_events(min_requests=0, timeout=0)
    return ended


def test_an_operation_is_submitted_once(variant, descriptor):
    context, ended = variant.Context(max_requests=8), []
    operation = variant.Operation.write(b"text", descriptor, 0)
    operation.set_callback(ended.append)
    assert context.submit(operation, operation) == 1
    assert variant.Context().submit(operation) == 0
    assert collected(context, ended) == [4]
    assert operation.get_value() == 4
    assert context.submit(operation) == 0


@pytest.mark.parametrize("native", COLLECTED, ids=lambda module: module.__name__.split(".")[-1])
def test_nothing_is_seen_before_it_is_delivered(native, descriptor):
    context, ended = native.Context(max_requests=8), []
    operation = native.Operation.read(8, descriptor, 0)
    operation.set_callback(ended.append)
    context.submit(operation)
    for look in (operation.get_value, lambda: operation.payload):
        with pytest.raises(RuntimeError, match="in progress"):
            look()
    assert operation.context is context
    assert collected(context, ended) == [0]
    assert operation.get_value() == b"" and operation.payload == bytes(8)
    assert operation.context is None


def test_a_cancelled_operation_ends_with_the_errno():
    reader, writer = os.pipe()
    context, ended = caio.linux_uring.Context(), []
    operation = caio.linux_uring.Operation.read(8, reader, 2**64 - 1)
    operation.set_callback(ended.append)
    context.submit(operation)
    assert context.flush() == 0
    assert context.cancel(operation) == 0
    assert context.poll() > 0
    assert context.process_events() == 1
    assert ended == [-125]
    with pytest.raises(SystemError, match="canceled"):
        operation.get_value()
    os.write(writer, b"kept")
    assert os.read(reader, 8) == b"kept"
    os.close(reader)
    os.close(writer)


def test_import_caio_finds_it(program):
    said = program(
        """
        import aiofile_rs
        aiofile_rs.install()
        aiofile_rs.install()
        import caio, caio.thread_aio_asyncio
        from caio.asyncio_base import AsyncioContextBase
        print(caio.thread_aio.__name__, issubclass(caio.AsyncioContext, AsyncioContextBase))
        print(caio.Context.__doc__.split(":")[0])
        """
    )
    name = caio.preferred.Context.__doc__.split(":")[0]
    assert said == f"caio.thread_aio True\n{name}\n"


def test_another_caio_is_not_replaced(program):
    said = program(
        """
        import sys, types
        sys.modules["caio"] = types.ModuleType("caio")
        import aiofile_rs
        try:
            aiofile_rs.install()
        except RuntimeError as error:
            print(error)
        """
    )
    assert said.startswith("another caio was imported already")


@pytest.mark.parametrize("name", ["uring", "linux", "thread", "python"])
def test_the_environment_chooses(program, name):
    said = program(
        f"""
        import os
        os.environ["CAIO_IMPL"] = "{name}"
        import aiofile_rs
        aiofile_rs.install()
        import caio
        print(caio.preferred.__name__)
        """
    )
    assert name in said


def test_an_unknown_name_in_the_environment_is_told(program):
    said = program(
        """
        import os, warnings
        os.environ["CAIO_IMPL"] = "nonsense"
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            from aiofile_rs import caio
        print([str(one.message) for one in told if one.category is RuntimeWarning])
        """
    )
    assert "unsupported value 'nonsense'" in said
