"""aiofile_rs beside what else reads and writes files from asyncio: same files, same run.

    pip install aiofile-rs caio aiofiles turbofile
    python benches/compare.py [directory] [rounds]

What is compared is done in turns, whose order rotates. A figure is the median of the rounds, in
thousands a second, and behind it the processor time of one, in microseconds. The last column is
ours divided by it: below 1, ours is slower.
"""

import asyncio
import os
import statistics
import sys
import tempfile
import time

import aiofile_rs
from aiofile_rs import caio as compat

try:
    import caio
except ImportError:
    caio = None
try:
    import aiofiles
except ImportError:
    aiofiles = None
try:
    import turbofile
except ImportError:
    turbofile = None

BLOCK = 4096
BLOCKS = 4096
SECONDS = 0.25


def scattered(number):
    """Offsets of blocks, in an order that no read-ahead follows."""
    return (number * 2654435761 % BLOCKS) * BLOCK


async def pread_reader(path):
    descriptor = os.open(path, os.O_RDONLY)

    async def read(offset):
        return os.pread(descriptor, BLOCK, offset)

    return read


async def ours_reader(path):
    file = await aiofile_rs.open_aio(path)
    return lambda offset: file.read_at(BLOCK, offset)


async def direct_reader(path):
    file = await aiofile_rs.open_aio(path, direct=True)
    return lambda offset: file.read_at(BLOCK, offset)


def reader_of_caio(module):
    async def reader(path):
        context = module.AsyncioContext(max_requests=512)
        descriptor = os.open(path, os.O_RDONLY)
        return lambda offset: context.read(BLOCK, descriptor, offset)

    return reader


async def turbofile_reader(path):
    file = await turbofile.open(path, "rb")
    return lambda offset: file.read_at(offset, BLOCK)


async def aiofiles_reader(path):
    file = await aiofiles.open(path, "rb")

    async def read(offset):
        await file.seek(offset)
        return await file.read(BLOCK)

    return read


def readers():
    yield "os.pread in a coroutine", pread_reader
    yield "aiofile_rs", ours_reader
    if compat.linux_uring_asyncio:
        yield "aiofile_rs as caio", reader_of_caio(compat.linux_uring_asyncio)
    if caio and caio.linux_uring_asyncio:
        yield "caio uring", reader_of_caio(caio.linux_uring_asyncio)
    if caio and caio.thread_aio_asyncio:
        yield "caio thread", reader_of_caio(caio.thread_aio_asyncio)
    if turbofile:
        yield "turbofile", turbofile_reader
    if aiofiles:
        yield "aiofiles", aiofiles_reader


def drop_cache(path):
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)


def many(open_reader, in_flight, cold=False):
    """Reads by so many tasks at once. What has one cursor is opened once for each of them."""

    async def job(path):
        count, until = 0, 0.0
        if open_reader is aiofiles_reader:
            readers = [await open_reader(path) for _ in range(in_flight)]
        else:
            readers = [await open_reader(path)] * in_flight
        if cold:
            drop_cache(path)

        async def task(number, read):
            nonlocal count
            step = number
            while time.perf_counter() < until:
                if len(await read(scattered(step))) != BLOCK:
                    raise RuntimeError("a read was short")
                step += in_flight
                count += 1
                if cold and step >= BLOCKS:
                    break

        begun = time.perf_counter()
        until = begun + SECONDS
        await asyncio.gather(*(task(n, read) for n, read in enumerate(readers)))
        return count, time.perf_counter() - begun

    return job


def lines(opened):
    async def job(path):
        begun, count = time.perf_counter(), 0
        async with opened(path) as file:
            async for _ in file:
                count += 1
        return count, time.perf_counter() - begun

    return job


def whole(read):
    async def job(path):
        begun, count = time.perf_counter(), 0
        while time.perf_counter() < begun + SECONDS:
            await read(path)
            count += 1
        return count, time.perf_counter() - begun

    return job


async def read_by_aiofiles(path):
    async with aiofiles.open(path, "rb") as file:
        return await file.read()


def cells(directory):
    """Each: its name, the file, and who does it."""
    blocks = os.path.join(directory, "blocks")
    with open(blocks, "wb") as file:
        file.write(os.urandom(BLOCK * BLOCKS))
    text = os.path.join(directory, "lines")
    with open(text, "w") as file:
        file.writelines(f"line {number} of a text\n" for number in range(20_000))
    small = os.path.join(directory, "small")
    with open(small, "wb") as file:
        file.write(os.urandom(BLOCK))
    yield "cached 4 KiB, 1 in flight", blocks, [(n, many(r, 1)) for n, r in readers()]
    yield "cached 4 KiB, 64 in flight", blocks, [(n, many(r, 64)) for n, r in readers()]
    yield "cold 4 KiB, 64 in flight", blocks, [(n, many(r, 64, True)) for n, r in readers()]
    yield "O_DIRECT 4 KiB, 64 in flight", blocks, [("aiofile_rs", many(direct_reader, 64))]
    rows = [("aiofile_rs", lines(aiofile_rs.open))]
    if turbofile:
        rows.append(("turbofile", lines(turbofile.open)))
    if aiofiles:
        rows.append(("aiofiles", lines(aiofiles.open)))
    yield "lines of text", text, rows
    rows = [("aiofile_rs", whole(aiofile_rs.fs.read_bytes))]
    if turbofile:
        rows.append(("turbofile", whole(turbofile.read_bytes)))
    if aiofiles:
        rows.append(("aiofiles", whole(read_by_aiofiles)))
    yield "whole files of 4 KiB", small, rows


def run(job, path):
    before = time.process_time()
    count, seconds = asyncio.run(job(path))
    return count / seconds / 1e3, (time.process_time() - before) / count * 1e6


def main():
    place = sys.argv[1] if len(sys.argv) > 1 else None
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    print("| cell | who | k/s | us of processor | ours / it |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(dir=place) as directory:
        for cell, path, rows in cells(directory):
            measured = {name: [] for name, _ in rows}
            for turn in range(rounds):
                for name, job in rows[turn % len(rows) :] + rows[: turn % len(rows)]:
                    measured[name].append(run(job, path))
            ours = statistics.median(speed for speed, _ in measured["aiofile_rs"])
            for name, figures in measured.items():
                speed = statistics.median(speed for speed, _ in figures)
                cost = statistics.median(cost for _, cost in figures)
                print(f"| {cell} | {name} | {speed:.1f} | {cost:.1f} | {ours / speed:.2f} |", flush=True)


if __name__ == "__main__":
    main()
