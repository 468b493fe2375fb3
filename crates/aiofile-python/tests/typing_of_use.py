"""What type checkers have to see. It is not run: mypy and pyright read it."""

import asyncio
from typing import assert_type

import aiofile_rs
from aiofile_rs import fs, tempfile


async def main() -> None:
    async with aiofile_rs.open("x") as text:
        assert_type(await text.read(), str)
        async for line in text:
            assert_type(line, str)
        async for chunk in text.iter_chunked(100):
            assert_type(chunk, str)
        assert_type(await text.detach(), aiofile_rs.BinaryFile)
    async with aiofile_rs.open("x", "rb") as binary:
        assert_type(await binary.readinto(bytearray(3)), int)
        assert_type(await binary.detach(), aiofile_rs.AioFile)
        assert_type(await binary.read(), bytes)
        async for data in binary:
            assert_type(data, bytes)
    async with aiofile_rs.open_aio("x", "r+") as file:
        assert_type(await file.read_at(5, 0), bytes)
        assert_type(await asyncio.gather(file.read_at(1, 0), file.size()), tuple[bytes, int])
        task = asyncio.create_task(file.write_at(bytearray(3), 0))
        assert_type(await task, int)
        async with await fs.lock(file, timeout=1.0) as lock:
            assert_type(lock, fs.FileLock)
    assert_type(await fs.getxattr("x", "user.x"), bytes | None)
    assert_type(await fs.copy("x", "y", replace="by_rename"), int)
    assert_type(await fs.listdir("."), list[str])
    async for path in fs.walk("."):
        assert_type(path, str)
    async with tempfile.TemporaryDirectory() as directory:
        assert_type(directory, str)
    aiofile_rs.install()
