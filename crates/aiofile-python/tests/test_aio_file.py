"""The file that is addressed by offset."""

import array
import asyncio
import errno
import os

import pytest

import aiofile_rs


def test_reads_and_writes_at_once(run, context, tmp_path):
    async def main():
        path = tmp_path / "data"
        async with aiofile_rs.open_aio(path, "wb+", context=context) as file:
            pieces = [bytes([n]) * 100 for n in range(50)]
            writes = [file.write_at(piece, n * 100) for n, piece in enumerate(pieces)]
            assert await asyncio.gather(*writes) == [100] * 50
            await file.fsync()
            await file.fsync(data_only=True)
            reads = [file.read_at(100, n * 100) for n in range(50)]
            assert await asyncio.gather(*reads) == pieces
            assert await file.size() == 5000
            assert await file.read_to_end() == b"".join(pieces)
            assert await file.read_to_end(4990) == pieces[-1][:10]
        assert path.read_bytes() == b"".join(pieces)

    run(main())


def test_reads_what_is_there(run, tmp_path):
    (tmp_path / "data").write_bytes(b"hello world")

    async def main():
        async with aiofile_rs.open_aio(tmp_path / "data") as file:
            assert await file.read_at(5, 0) == b"hello"
            assert await file.read_at(1, 4) == b"o"
            assert await file.read_at(100, 6) == b"world"
            assert await file.read_at(100, 11) == b""
            assert await file.read_at(0, 0) == b""

    run(main())


def test_what_is_not_cached_comes_from_the_device(run, context, tmp_path):
    contents = os.urandom(1 << 20)
    (tmp_path / "data").write_bytes(contents)

    async def main():
        file = await aiofile_rs.open_aio(tmp_path / "data", context=context)
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        offsets = range(0, 1 << 20, 1 << 14)
        reads = await asyncio.gather(*(file.read_at(1 << 14, offset) for offset in offsets))
        assert b"".join(reads) == contents
        await file.close()

    run(main())


@pytest.mark.parametrize(
    "buffer",
    [bytearray(8), memoryview(bytearray(16))[4:12], array.array("H", range(4))],
    ids=["bytearray", "memoryview", "array"],
)
def test_reads_into_a_buffer(run, context, tmp_path, buffer):
    (tmp_path / "data").write_bytes(b"0123456789")

    async def main():
        async with aiofile_rs.open_aio(tmp_path / "data", context=context) as file:
            assert await file.readinto(buffer, 1) == 8
            assert bytes(buffer) == b"12345678"
            assert await file.readinto(buffer, 7) == 3
            assert bytes(buffer) == b"78945678"
            assert await file.readinto(bytearray(), 0) == 0

    run(main())


def test_a_buffer_is_free_again_after_the_read(run, tmp_path):
    (tmp_path / "data").write_bytes(b"0123456789")

    async def main():
        async with aiofile_rs.open_aio(tmp_path / "data") as file:
            buffer = bytearray(8)
            operation = file.readinto(buffer, 0)
            with pytest.raises(BufferError):
                buffer.append(0)
            await operation
            buffer.append(0)

    run(main())


def test_refuses_a_buffer_that_cannot_be_read_into(run, tmp_path):
    (tmp_path / "data").write_bytes(b"0123456789")

    async def main():
        async with aiofile_rs.open_aio(tmp_path / "data") as file:
            with pytest.raises(BufferError):
                file.readinto(b"constant", 0)
            with pytest.raises(BufferError):
                file.readinto(memoryview(bytearray(8))[::2], 0)
            with pytest.raises(TypeError):
                file.readinto("text", 0)

    run(main())


def test_reads_ranges(run, context, tmp_path):
    (tmp_path / "data").write_bytes(bytes(range(256)))

    async def main():
        async with aiofile_rs.open_aio(tmp_path / "data", context=context) as file:
            read = await file.read_ranges([(200, 204), (0, 2), (5, 5)])
            assert read == [bytes([200, 201, 202, 203]), b"\0\1", b""]
            with pytest.raises(EOFError):
                await file.read_ranges([(250, 300)])
            with pytest.raises(ValueError):
                await file.read_ranges([(9, 3)])

    run(main())


@pytest.mark.parametrize("data", [b"text", bytearray(b"text"), memoryview(b"text"), b""])
def test_writes_any_buffer(run, tmp_path, data):
    async def main():
        async with aiofile_rs.open_aio(tmp_path / "data", "wb") as file:
            assert await file.write_at(data, 2) == len(data)

    run(main())
    written = (tmp_path / "data").read_bytes()
    assert written == (b"\0\0" + bytes(data) if data else b"")


def test_refuses_what_is_no_buffer(run, tmp_path):
    async def main():
        async with aiofile_rs.open_aio(tmp_path / "data", "wb") as file:
            with pytest.raises(TypeError):
                file.write_at("text", 0)

    run(main())


def test_appends(run, tmp_path):
    async def main():
        async with aiofile_rs.open_aio(tmp_path / "log", "ab") as one:
            async with aiofile_rs.open_aio(tmp_path / "log", "ab") as other:
                await one.append(b"first\n")
                await other.append(b"second\n")
                assert await one.append(b"third\n") == 6
                with pytest.raises(ValueError, match="append"):
                    await one.write_at(b"x", 0)

    run(main())
    assert (tmp_path / "log").read_bytes() == b"first\nsecond\nthird\n"


def test_truncates(run, tmp_path):
    async def main():
        async with aiofile_rs.open_aio(tmp_path / "data", "wb+") as file:
            await file.write_at(b"hello", 0)
            await file.truncate(2)
            assert await file.read_to_end() == b"he"
            await file.truncate(4)
            assert await file.read_to_end() == b"he\0\0"

    run(main())


def test_errors_say_what_python_says(run, tmp_path):
    async def main():
        missing = str(tmp_path / "missing")
        with pytest.raises(FileNotFoundError) as caught:
            await aiofile_rs.open_aio(missing)
        assert (caught.value.errno, caught.value.filename) == (2, missing)
        with pytest.raises(FileNotFoundError) as of_python:
            open(missing)
        assert str(caught.value) == str(of_python.value)
        with pytest.raises(FileExistsError):
            await aiofile_rs.open_aio(tmp_path, "xb")
        with pytest.raises(IsADirectoryError):
            await aiofile_rs.open_aio(tmp_path, "wb")
        with pytest.raises(ValueError, match="rw"):
            aiofile_rs.open_aio(missing, "rw")
        with pytest.raises(OSError) as caught:
            async with aiofile_rs.open_aio(tmp_path / "data", "wb") as file:
                await file.read_at(1, 0)
        assert caught.value.errno == 9
        with pytest.raises(MemoryError):
            async with aiofile_rs.open_aio(tmp_path / "data", "wb+") as file:
                await file.read_at((1 << 63) - 100, 0)
        with pytest.raises(OverflowError):
            async with aiofile_rs.open_aio(tmp_path / "data", "wb+") as file:
                await file.read_at(-1, 0)

    run(main())


def test_a_closed_file_says_so(run, tmp_path):
    async def main():
        async with aiofile_rs.open_aio(tmp_path / "data", "wb+") as file:
            assert not file.closed and file.fileno() > 2
            assert file.name == str(tmp_path / "data") and file.mode == "wb+"
            inside = file
        assert inside.closed and "closed" in repr(inside)
        with pytest.raises(ValueError, match="closed file"):
            await inside.read_at(1, 0)
        with pytest.raises(ValueError, match="closed file"):
            inside.fileno()
        await inside.close()

    run(main())


def test_paths_of_every_kind(run, tmp_path):
    odd = os.fsencode(tmp_path) + b"/\xff\xfe"

    async def main():
        async with aiofile_rs.open_aio(odd, "wb") as file:
            await file.write_at(b"x", 0)
            assert os.fsencode(file.name) == odd
        async with aiofile_rs.open_aio(os.fsdecode(odd)) as file:
            assert await file.read_at(1, 0) == b"x"
        with pytest.raises(TypeError):
            aiofile_rs.open_aio(3.5)
        with pytest.raises(FileNotFoundError) as caught:
            await aiofile_rs.open_aio(odd + b"x")
        assert os.fsencode(caught.value.filename) == odd + b"x"

    run(main())


def test_past_the_page_cache(run, context, tmp_path):
    path = tmp_path / "data"
    path.write_bytes(os.urandom(1 << 16))

    async def main():
        try:
            file = await aiofile_rs.open_aio(path, "rb+", direct=True, bounce=True, context=context)
        except OSError:
            pytest.skip("this file system has no O_DIRECT")
        assert await file.read_at(4096, 4096) == path.read_bytes()[4096:8192]
        assert await file.read_at(100, 50) == path.read_bytes()[50:150]
        buffer = bytearray(8192)
        assert await file.readinto(buffer, 0) == 8192
        assert buffer == path.read_bytes()[:8192]
        await file.write_at(b"misaligned", 3)
        await file.close()
        assert path.read_bytes()[3:13] == b"misaligned"

    run(main())


def test_permissions_of_a_new_file(run, tmp_path):
    async def main():
        async with aiofile_rs.open_aio(tmp_path / "data", "xb", permissions=0o600):
            pass

    run(main())
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o600


def test_room_is_taken_and_given_back(run, context, tmp_path):
    async def main():
        async with aiofile_rs.open_aio(tmp_path / "data", "wb+", context=context) as file:
            try:
                await file.allocate(0, 1 << 16)
                assert await file.size() == 1 << 16
                await file.write_at(b"x" * (1 << 16), 0)
                await file.punch_hole(4096, 4096)
            except OSError as error:
                if error.errno != errno.EOPNOTSUPP:
                    raise
                pytest.skip("this file system cannot")
            assert await file.read_at(2, 4095) == b"x\0"
            assert await file.size() == 1 << 16

    run(main())
