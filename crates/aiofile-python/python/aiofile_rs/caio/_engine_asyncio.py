"""Contexts that asyncio awaits, without operations to submit and callbacks in between."""

from operator import index

from aiofile_rs import _engine
from .asyncio_base import AsyncioContextBase


class EngineContext(AsyncioContextBase):
    """As the base, and reads, writes and syncs go the short way."""

    BACKEND = None

    def __init__(self, max_requests=None, loop=None, deferred=False, **kwargs):
        super().__init__(max_requests, loop, deferred, **kwargs)
        self._engine = _engine.Context(self.BACKEND, max_requests=self.max_requests)

    def read(self, nbytes, fd, offset, priority=0):
        return _engine.read_descriptor(self._engine, index(nbytes), index(fd), index(offset))

    def write(self, payload, fd, offset, priority=0):
        if not isinstance(payload, bytes):
            raise ValueError(f"payload is bytes, and not {type(payload).__name__}")
        return _engine.write_descriptor(self._engine, payload, index(fd), index(offset))

    def fsync(self, fd):
        return _engine.fsync_descriptor(self._engine, index(fd))

    def fdsync(self, fd):
        return _engine.fdsync_descriptor(self._engine, index(fd))


class CollectingContext(EngineContext):
    """One whose operations are collected when its descriptor is readable."""

    def _create_context(self, max_requests, **kwargs):
        context = super()._create_context(max_requests, **kwargs)
        self.loop.add_reader(context.fileno, self._collect)
        return context

    def _destroy_context(self):
        self.loop.remove_reader(self.context.fileno)

    def _submitted(self):
        self.loop.call_soon(self._collect)

    def _collect(self):
        while self.context.flush():
            pass
