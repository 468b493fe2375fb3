"""Files with a cursor, of bytes and of text."""

import asyncio
import io
import os

import pytest

import aiofile_rs


def test_bytes_as_python_has_them(run, context, tmp_path):
    path = tmp_path / "data"

    async def main():
        async with aiofile_rs.open(path, "wb+", context=context) as file:
            assert await file.write(b"one\ntwo\n") == 8
            await file.writelines([b"three\n", bytearray(b"four")])
            assert await file.tell() == 18
            assert await file.seek(0) == 0
            assert await file.read(3) == b"one"
            assert await file.readline() == b"\n"
            assert await file.readline() == b"two\n"
            assert await file.seek(-4, os.SEEK_END) == 14
            assert await file.read() == b"four"
            assert await file.read(5) == b""
            assert await file.seek(4) == 4
            assert await file.seek(4, os.SEEK_CUR) == 8
            assert await file.readlines() == [b"three\n", b"four"]
            assert await file.truncate(3) == 3
            await file.flush()
            await file.fsync()
            await file.fsync(data_only=True)
        assert path.read_bytes() == b"one"

    run(main())


def test_text_as_python_has_it(run, context, tmp_path):
    path = tmp_path / "text"

    async def main():
        async with aiofile_rs.open(path, "w+", context=context) as file:
            assert await file.write("größer\n") == 7
            await file.writelines(["zwei\n", "drei"])
            await file.seek(0)
            assert await file.read(3) == "grö"
            assert await file.readline() == "ßer\n"
            place = await file.tell()
            assert await file.readlines() == ["zwei\n", "drei"]
            await file.seek(place)
            assert await file.read() == "zwei\ndrei"
            assert file.encoding == "utf-8"
        assert path.read_text("utf-8") == "größer\nzwei\ndrei"
        async with aiofile_rs.open(path, "r+", context=context) as file:
            assert await file.truncate(2) == 2
            await file.fsync()
        assert path.read_bytes() == b"gr"

    run(main())


def lines_of_python(path, *arguments, **keywords):
    with open(path, *arguments, **keywords) as file:
        return list(file)


@pytest.mark.parametrize("size", [0, 1, 100, 10_000])
def test_lines_are_those_of_python(run, tmp_path, size):
    path = tmp_path / "lines"
    path.write_bytes(b"".join(b"x" * (n % 97) + b"\n" for n in range(size)) + b"the end")

    async def main():
        async with aiofile_rs.open(path, "rb") as file:
            assert [line async for line in file] == lines_of_python(path, "rb")
        async with aiofile_rs.open(path) as file:
            assert [line async for line in file] == lines_of_python(path)

    run(main())


@pytest.mark.parametrize("newline", [None, "", "\n", "\r", "\r\n"])
def test_ends_of_lines_are_those_of_python(run, tmp_path, newline):
    path = tmp_path / "text"
    path.write_bytes(b"unix\nmac\rdos\r\nlast")

    async def main():
        async with aiofile_rs.open(path, newline=newline) as file:
            assert [line async for line in file] == lines_of_python(path, newline=newline)
        async with aiofile_rs.open(path, "w", newline=newline) as file:
            await file.write("a\nb\n")

    run(main())
    written = path.read_bytes()
    with open(path, "w", newline=newline) as file:
        file.write("a\nb\n")
    assert written == path.read_bytes()


def test_encodings(run, tmp_path):
    path = tmp_path / "text"
    path.write_bytes("größer".encode("latin-1"))

    async def main():
        async with aiofile_rs.open(path, encoding="latin-1") as file:
            assert await file.read() == "größer"
        async with aiofile_rs.open(path) as file:
            with pytest.raises(UnicodeError, match="utf-8"):
                await file.read()
        async with aiofile_rs.open(path, errors="ignore") as file:
            assert await file.read() == "grer"
        async with aiofile_rs.open(path, errors="replace") as file:
            assert await file.read() == "gr\ufffd\ufffder"
        with pytest.raises(LookupError):
            aiofile_rs.open(path, encoding="nonsense")
        with pytest.raises(LookupError):
            aiofile_rs.open(path, errors="surrogateescape")
        with pytest.raises(ValueError):
            aiofile_rs.open(path, newline="x")
        with pytest.raises(ValueError):
            aiofile_rs.open(path, "rb", encoding="utf-8")

    run(main())


@pytest.mark.parametrize("mode", ["b", ""])
def test_what_the_mode_refuses(run, tmp_path, mode):
    path = tmp_path / "data"

    async def main():
        data = b"x" if mode else "x"
        async with aiofile_rs.open(path, "w" + mode) as file:
            assert file.writable() and not file.readable() and file.seekable()
            for call in (file.read, file.readline, file.readlines, file.__anext__):
                with pytest.raises(io.UnsupportedOperation, match="not readable"):
                    call()
        async with aiofile_rs.open(path, "r" + mode) as file:
            assert file.readable() and not file.writable()
            for call in (lambda: file.write(data), lambda: file.writelines([data]), file.truncate):
                with pytest.raises(io.UnsupportedOperation, match="not writable"):
                    call()
            with pytest.raises(ValueError):
                file.seek(-1)
            with pytest.raises(ValueError):
                file.seek(0, 3)
        with pytest.raises(ValueError, match="closed file"):
            file.read()
        with pytest.raises(ValueError, match="closed file"):
            file.fileno()
        await file.close()
        assert file.closed and file.name == str(path) and file.mode == "r" + mode
        assert "closed" in repr(file)

    run(main())


def test_tasks_take_turns(run, tmp_path):
    path = tmp_path / "data"

    async def main():
        async with aiofile_rs.open(path, "wb+") as file:
            await asyncio.gather(*(file.write(b"%03d\n" % n) for n in range(200)))
            await file.seek(0)
            lines = await asyncio.gather(*(file.readline() for _ in range(200)))
            assert lines == [b"%03d\n" % n for n in range(200)]

    run(main())


def test_appending_begins_at_the_end(run, tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"before\n")

    async def main():
        async with aiofile_rs.open(path, "a") as file:
            await file.write("after\n")
        async with aiofile_rs.open(path, "ab") as file:
            assert await file.tell() == 13
            await file.write(b"last\n")

    run(main())
    assert path.read_bytes() == b"before\nafter\nlast\n"


def test_a_full_device_says_so(run):
    async def main():
        async with aiofile_rs.open("/dev/full", "wb") as file:
            with pytest.raises(OSError) as caught:
                await file.write(b"x")
        assert caught.value.errno == 28
        with pytest.raises(OSError) as caught:
            async with aiofile_rs.open("/dev/full", "w") as file:
                await file.write("x")
        assert caught.value.errno == 28

    run(main())


def test_a_cancelled_read_loses_nothing(run, context):
    async def main():
        reader, writer = os.pipe()
        file = await aiofile_rs.open(f"/dev/fd/{reader}", "rb", context=context)
        for _ in range(10):
            task = asyncio.create_task(file.readline())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        os.write(writer, b"half")
        task = asyncio.create_task(file.readline())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        os.write(writer, b" and whole\n")
        assert await file.readline() == b"half and whole\n"
        os.close(writer)
        assert await file.readline() == b""
        await file.close()
        os.close(reader)

    run(main())


def test_what_is_ahead(run, context, tmp_path):
    path = tmp_path / "data"
    path.write_bytes(b"0123456789" * 10_000)

    async def main():
        async with aiofile_rs.open(path, "rb", context=context) as file:
            assert await file.peek(3) == b"012"
            assert (await file.peek()).startswith(b"0123456789")
            assert await file.tell() == 0
            assert await file.read1(4) == b"0123"
            assert await file.read1(0) == b""
            rest = await file.read1()
            assert rest.startswith(b"456789") and await file.tell() == 4 + len(rest)
            await file.seek(0, os.SEEK_END)
            assert await file.peek() == await file.read1() == b""

    run(main())


def test_reads_into_a_buffer(run, context, tmp_path):
    path = tmp_path / "data"
    path.write_bytes(b"0123456789")

    async def main():
        async with aiofile_rs.open(path, "rb", context=context) as file:
            buffer = bytearray(4)
            operation = file.readinto(buffer)
            with pytest.raises(BufferError):
                buffer.append(0)
            assert await operation == 4 and buffer == b"0123"
            assert await file.readinto1(memoryview(buffer)[1:3]) == 2 and buffer == b"0453"
            assert await file.readinto(bytearray()) == 0
            assert await file.readinto(buffer) == 4 and await file.readinto(buffer) == 0
            buffer.append(0)
            with pytest.raises(BufferError):
                file.readinto(b"constant")
            task = asyncio.create_task(file.readinto(buffer))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            del task
        async with aiofile_rs.open(path, "wb", context=context) as file:
            with pytest.raises(io.UnsupportedOperation):
                file.readinto(buffer)

    run(main())


@pytest.mark.parametrize("mode", ["b", ""])
@pytest.mark.parametrize("newline", [None, "", "\n", "\r", "\r\n"])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 100, None, -1])
def test_parts_of_lines_are_those_of_python(run, tmp_path, mode, newline, size):
    path = tmp_path / "text"
    path.write_bytes("größer\nmac\rdos\r\n\r\rlast".encode())
    keywords = {} if mode else {"newline": newline, "encoding": "utf-8"}

    async def main():
        async with aiofile_rs.open(path, "r" + mode, **keywords) as file:
            with open(path, "r" + mode, **keywords) as other:
                while True:
                    line = await file.readline(size)
                    assert line == other.readline(-1 if size is None else size)
                    if not line:
                        break
            await file.seek(0)
            chunks = [chunk async for chunk in file.iter_chunked(4)]
            await file.seek(0)
            assert [len(chunk) for chunk in chunks[:-1]] == [4] * (len(chunks) - 1)
            assert await file.read() == ("" if not mode else b"").join(chunks)
            with pytest.raises(ValueError):
                file.iter_chunked(0)

    run(main())


def test_lines_of_characters_count(run, tmp_path):
    path = tmp_path / "text"
    path.write_text("äää\nbbb\nccc\n", encoding="utf-8")

    async def main():
        async with aiofile_rs.open(path) as file:
            assert await file.readlines(5) == ["äää\n", "bbb\n"]

    run(main())


def test_files_are_detached(run, context, tmp_path):
    path = tmp_path / "data"

    async def main():
        async with aiofile_rs.open(path, "w+", context=context) as text:
            await text.write("ägypten\nbytes")
            await text.seek(0)
            assert await text.readline() == "ägypten\n"
            binary = await text.detach()
            assert text.closed and not binary.closed
            assert binary.name == str(path) and binary.mode == "w+b"
            with pytest.raises(ValueError, match="closed file"):
                text.read()
            with pytest.raises(ValueError, match="closed file"):
                text.detach()
        assert await binary.read() == b"bytes"
        aio = await binary.detach()
        assert binary.closed and await aio.read_at(2, 9) == b"by"
        await aio.close()

    run(main())


def test_terminals(run, tmp_path):
    ours, theirs = os.openpty()

    async def main():
        async with aiofile_rs.open(os.ttyname(theirs), "r+b") as file:
            assert file.isatty()
        async with aiofile_rs.open(tmp_path / "data", "w", errors="replace") as file:
            assert not file.isatty() and file.errors == "replace"
        with pytest.raises(ValueError, match="closed file"):
            file.isatty()

    run(main())
    os.close(ours)
    os.close(theirs)
