"""Functions on paths, against Python's own."""

import os
import pathlib
import shutil
import stat

import pytest

from aiofile_rs import fs, tempfile


def test_contents(run, context, tmp_path):
    path = tmp_path / "data"

    async def main():
        await fs.write_bytes(path, b"one", context=context)
        await fs.append_bytes(path, b" two", context=context)
        assert await fs.read_bytes(path, context=context) == b"one two"
        await fs.write_atomic(path, bytearray(b"three"), context=context)
        assert await fs.read_text(path, context=context) == "three"
        await fs.write_text(path, "größer\n", "latin-1", context=context)
        assert path.read_bytes() == "größer\n".encode("latin-1")
        assert await fs.read_text(path, "latin-1", context=context) == "größer\n"
        with pytest.raises(UnicodeError):
            await fs.read_text(path, context=context)
        with pytest.raises(ValueError):
            await fs.write_text(path, "€", "latin-1", context=context)
        assert context.metrics["submitted"] > 0

    run(main())


def test_large_contents(run, tmp_path):
    contents = os.urandom(5 << 20)

    async def main():
        await fs.write_bytes(tmp_path / "data", contents)
        assert await fs.read_bytes(tmp_path / "data") == contents

    run(main())


def test_metadata_is_that_of_python(run, tmp_path):
    (tmp_path / "data").write_bytes(b"text")
    (tmp_path / "link").symlink_to("data")

    async def main():
        for path in (tmp_path, tmp_path / "data", tmp_path / "link", "/dev/null", "/proc/version"):
            ours, theirs = await fs.stat(path), os.stat(path)
            names = [name for name in dir(theirs) if name.startswith("st_")]
            for name in names:
                if path == "/proc/version" and "time" in name:
                    continue
                assert getattr(ours, name) == getattr(theirs, name), (path, name)
        assert stat.S_ISLNK((await fs.lstat(tmp_path / "link")).st_mode)
        assert await fs.exists(tmp_path) and not await fs.exists(tmp_path / "missing")
        with pytest.raises(FileNotFoundError):
            await fs.stat(tmp_path / "missing")

    run(main())


def test_directories(run, tmp_path):
    async def main():
        await fs.makedirs(tmp_path / "a" / "b")
        await fs.makedirs(tmp_path / "a" / "b")
        await fs.mkdir(tmp_path / "a" / "c")
        with pytest.raises(FileExistsError):
            await fs.mkdir(tmp_path / "a")
        for n in range(1500):
            (tmp_path / "a" / "b" / str(n)).touch()
        assert sorted(await fs.listdir(tmp_path / "a" / "b")) == sorted(map(str, range(1500)))
        walked = [path async for path in fs.walk(tmp_path / "a", sort=True)]
        assert walked[0] == str(tmp_path / "a") and len(walked) == 1503
        matched = [path async for path in fs.glob(f"{tmp_path}/**/7?")]
        assert sorted(matched) == [str(tmp_path / "a" / "b" / f"7{n}") for n in range(10)]
        with pytest.raises(ValueError):
            fs.glob("[")
        with pytest.raises(OSError):
            [path async for path in fs.walk(tmp_path / "missing")]
        await fs.rmdir(tmp_path / "a" / "c")
        with pytest.raises(OSError):
            await fs.rmdir(tmp_path / "a")
        await fs.copytree(tmp_path / "a", tmp_path / "copy")
        assert len(os.listdir(tmp_path / "copy" / "b")) == 1500
        await fs.rmtree(tmp_path / "a")
        assert os.listdir(tmp_path) == ["copy"]

    run(main())


def test_names(run, tmp_path, monkeypatch):
    (tmp_path / "data").write_bytes(b"text")
    monkeypatch.chdir(tmp_path)

    async def main():
        assert await fs.copy("data", "copy") == 4
        await fs.rename("copy", "moved")
        await fs.link("data", "second")
        await fs.symlink("data", "link")
        assert await fs.readlink("link") == "data"
        assert await fs.realpath("link") == os.path.realpath("data")
        assert os.stat("data").st_nlink == 2
        await fs.chmod("data", 0o600)
        assert stat.S_IMODE(os.stat("data").st_mode) == 0o600
        await fs.remove("moved")
        assert sorted(os.listdir()) == ["data", "link", "second"]
        free = await fs.available_space(".")
        assert 0 < free <= shutil.disk_usage(".").total

    run(main())


def test_temporary_files_go(run):
    async def main():
        async with tempfile.TemporaryDirectory(prefix="mine-") as directory:
            assert os.path.basename(directory).startswith("mine-")
            assert stat.S_IMODE(os.stat(directory).st_mode) == 0o700
            pathlib.Path(directory, "left").touch()
            async with tempfile.NamedTemporaryFile("w+", dir=directory, suffix=".txt") as file:
                assert stat.S_IMODE(os.stat(file.name).st_mode) == 0o600
                await file.write("text")
                await file.seek(0)
                assert await file.read() == "text"
                name = file.name
            assert name.endswith(".txt") and not os.path.exists(name)
        assert not os.path.exists(directory)
        with pytest.raises(ZeroDivisionError):
            async with tempfile.NamedTemporaryFile() as file:
                await file.write(b"x")
                1 / 0
        assert not os.path.exists(file.name)
        with pytest.raises(ValueError):
            tempfile.NamedTemporaryFile("r")
        for mode in ("r+", "w+", "rb+", "w+b", "wb"):
            data = b"text" if "b" in mode else "text"
            async with tempfile.NamedTemporaryFile(mode) as file:
                await file.write(data)
                assert pathlib.Path(file.name).read_bytes() == b"text"

    run(main())


def test_temporary_files_without_a_name(run, tmp_path):
    async def main():
        async with tempfile.TemporaryFile("w+", dir=tmp_path) as file:
            assert os.listdir(tmp_path) == []
            await file.write("text")
            await file.seek(0)
            assert await file.read() == "text"
        assert file.closed

    run(main())
