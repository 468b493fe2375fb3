"""Locks, attributes, copies and renames of paths, against Python's own."""

import asyncio
import errno
import os

import pytest

import aiofile_rs
from aiofile_rs import fs


def test_locks_exclude_each_other(run, context, tmp_path):
    async def main():
        first = await aiofile_rs.open_aio(tmp_path / "data", "wb+", context=context)
        second = await aiofile_rs.open(tmp_path / "data", "r+b", context=context)
        async with await fs.lock(first, context=context) as lock:
            assert lock.held
            assert await fs.try_lock(second, context=context) is None
            with pytest.raises(TimeoutError):
                await fs.lock(second, timeout=0, context=context)
            waiting = asyncio.create_task(fs.lock(second, context=context))
            await asyncio.sleep(0)
        assert not lock.held
        await lock.unlock()
        assert (await waiting).held
        assert await fs.try_lock(first, context=context) is None
        await (await waiting).unlock()
        shared = [await fs.lock(file, shared=True, context=context) for file in (first, second)]
        assert all(lock.held for lock in shared)
        assert await fs.try_lock(first, start=10, length=5, context=context) is None
        for lock in shared:
            await lock.unlock()
        ranges = [await fs.lock(first, length=10), await fs.lock(second, start=10, length=10)]
        assert await fs.try_lock(second, start=9, length=1) is None
        for lock in ranges:
            await lock.unlock()
        with pytest.raises(ValueError):
            fs.lock(first, length=0)
        with pytest.raises(AttributeError):
            fs.lock("path")
        await first.close()
        await second.close()
        with pytest.raises(ValueError):
            fs.lock(first)

    run(main())


def test_a_cancelled_lock_leaves_nothing_locked(run, tmp_path):
    async def main():
        first = await aiofile_rs.open_aio(tmp_path / "data", "wb+")
        second = await aiofile_rs.open_aio(tmp_path / "data", "rb+")
        held = await fs.lock(first)
        waiting = asyncio.create_task(fs.lock(second))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await held.unlock()
        lock = await fs.try_lock(first)
        assert lock is not None
        del lock
        lock = await fs.try_lock(second)
        assert lock is not None

    run(main())


def test_extended_attributes(run, context, tmp_path):
    path = tmp_path / "data"
    path.touch()
    (tmp_path / "link").symlink_to("data")
    try:
        os.setxattr(path, "user.probe", b"")
    except OSError:
        pytest.skip("this file system has no extended attributes")
    os.removexattr(path, "user.probe")

    async def main():
        assert await fs.getxattr(path, "user.author", context=context) is None
        await fs.setxattr(path, "user.author", b"Ada\0", context=context)
        await fs.setxattr(tmp_path / "link", b"user.other", bytearray(b"x"), context=context)
        assert await fs.getxattr(path, "user.author", context=context) == b"Ada\0"
        assert os.getxattr(path, "user.other") == b"x"
        assert sorted(await fs.listxattr(path)) == ["user.author", "user.other"]
        assert await fs.listxattr(tmp_path / "link", follow_symlinks=False) == []
        assert await fs.getxattr(tmp_path / "link", "user.x", follow_symlinks=False) is None
        with pytest.raises(OSError):
            await fs.setxattr(tmp_path / "link", "user.x", b"", follow_symlinks=False)
        await fs.removexattr(path, "user.other")
        assert os.listxattr(path) == ["user.author"]
        with pytest.raises(OSError) as caught:
            await fs.removexattr(path, "user.other")
        assert (caught.value.errno, caught.value.filename) == (errno.ENODATA, str(path))
        with pytest.raises(OSError):
            await fs.removexattr(tmp_path / "link", "user.other", follow_symlinks=False)

    run(main())


def test_kinds_of_files(run, tmp_path):
    (tmp_path / "data").write_bytes(b"text")
    (tmp_path / "link").symlink_to("data")
    (tmp_path / "broken").symlink_to("missing")

    async def main():
        names = ("data", "link", "broken", "missing", ".", "data/below")
        for path in (tmp_path / name for name in names):
            assert await fs.isfile(path) == os.path.isfile(path), path
            assert await fs.isdir(path) == os.path.isdir(path), path
            assert await fs.islink(path) == os.path.islink(path), path
        assert await fs.getsize(tmp_path / "link") == 4
        with pytest.raises(FileNotFoundError):
            await fs.getsize(tmp_path / "missing")
        with pytest.raises(OSError):
            await fs.isfile(tmp_path / ("x" * 300))

    run(main())


def test_times_owners_and_rights(run, tmp_path):
    path = tmp_path / "data"
    path.touch(mode=0o400)
    (tmp_path / "link").symlink_to("data")

    async def main():
        await fs.utime(path, (1.5, 2.25))
        assert (path.stat().st_atime_ns, path.stat().st_mtime_ns) == (1_500_000_000, 2_250_000_000)
        await fs.utime(path, ns=(-1, 1_234_567_890_123_456_789))
        assert path.stat().st_mtime_ns == 1_234_567_890_123_456_789
        await fs.utime(path)
        assert path.stat().st_mtime > 1_700_000_000
        for arguments in ({"times": (1, 1), "ns": (1, 1)}, {"ns": (1 << 80, 0)}):
            with pytest.raises(ValueError):
                fs.utime(path, **arguments)
        owner = path.stat()
        await fs.chown(path, -1, -1)
        await fs.chown(path, owner.st_uid, owner.st_gid)
        await fs.chown(tmp_path / "link", -1, owner.st_gid, follow_symlinks=False)
        with pytest.raises(ValueError):
            fs.chown(path, -2, 0)
        for mode in (os.F_OK, os.R_OK, os.W_OK, os.X_OK, os.R_OK | os.X_OK):
            assert await fs.access(path, mode) == os.access(path, mode)
        assert not await fs.access(tmp_path / "missing", os.F_OK)
        assert await fs.samefile(path, tmp_path / "link")
        assert not await fs.samefile(path, tmp_path)

    run(main())


def test_copies_as_they_are_asked_for(run, context, tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(100_000))
    os.utime(source, (1, 2))

    async def main():
        target.write_bytes(b"before")
        (tmp_path / "second").hardlink_to(target)
        copied = await fs.copy(
            source,
            target,
            replace="by_rename",
            keep_times=True,
            verify=True,
            durable=True,
            reflink="never",
            context=context,
        )
        assert copied == 100_000 and target.read_bytes() == source.read_bytes()
        assert target.stat().st_mtime == 2
        assert (tmp_path / "second").read_bytes() == b"before"
        await fs.copy(source, tmp_path / "second", keep_mode=False)
        assert (tmp_path / "second").stat().st_mtime != 2
        with pytest.raises(ValueError, match="by_rename"):
            fs.copy(source, target, replace="x")
        with pytest.raises(ValueError, match="reflink"):
            fs.copy(source, target, reflink="x")

    run(main())


def test_holes(run, tmp_path):
    with open(tmp_path / "data", "wb") as file:
        file.write(b"x")
        file.truncate(1 << 24)

    async def main():
        ranges = await fs.data_ranges(tmp_path / "data")
        assert ranges[0][0] == 0 and 0 < ranges[-1][1] <= 1 << 24

    run(main())


def test_renames_that_replace_nothing(run, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"1")
    two.write_bytes(b"2")

    async def main():
        with pytest.raises(FileExistsError):
            await fs.rename_noreplace(one, two)
        await fs.rename_exchange(one, two)
        assert one.read_bytes() == b"2"
        await fs.move(one, tmp_path / "three")
        await fs.replace(two, tmp_path / "three")
        await fs.unlink(tmp_path / "three")
        assert os.listdir(tmp_path) == []

    run(main())


def test_atomic_writes_as_they_are_asked_for(run, tmp_path):
    path = tmp_path / "data"

    async def main():
        for durability in ("none", "data", "full"):
            await fs.write_atomic(path, durability.encode(), durability=durability)
            assert path.read_bytes() == durability.encode()
        await fs.write_atomic(tmp_path / "new", b"x", permissions=0o600)
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600
        with pytest.raises(ValueError, match="durability"):
            fs.write_atomic(path, b"", durability="x")

    run(main())
