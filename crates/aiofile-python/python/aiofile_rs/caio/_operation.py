"""Operations of the engine's, under caio's constructors."""

from operator import index

from aiofile_rs._engine import CompatOperation
from .abstract import AbstractOperation


class EngineOperation(CompatOperation):
    """A read, write or sync of a descriptor, to be submitted once."""

    @classmethod
    def read(cls, nbytes, fd, offset, priority=0):
        """Reads up to ``nbytes`` bytes at ``offset``; ``MemoryError`` where there is no room."""
        return cls("read", index(nbytes), index(fd), index(offset), None, index(priority))

    @classmethod
    def write(cls, payload_bytes, fd, offset, priority=0):
        """Writes ``payload_bytes`` at ``offset``."""
        if not isinstance(payload_bytes, bytes):
            raise ValueError(f"payload_bytes is bytes, and not {type(payload_bytes).__name__}")
        size = len(payload_bytes)
        return cls("write", size, index(fd), index(offset), payload_bytes, index(priority))

    @classmethod
    def fsync(cls, fd, priority=0):
        """Has the device keep what was written."""
        return cls("fsync", 0, index(fd), 0, None, index(priority))

    @classmethod
    def fdsync(cls, fd, priority=0):
        """The same without metadata that reading does not need."""
        return cls("fdsync", 0, index(fd), 0, None, index(priority))


AbstractOperation.register(EngineOperation)
