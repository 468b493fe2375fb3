"""Contexts that asyncio awaits."""

import abc
import asyncio


class AsyncioContextBase(abc.ABC):
    """Operations to await. At most ``max_requests`` of them are under way at once."""

    MAX_REQUESTS_DEFAULT = 512
    CONTEXT_CLASS = None
    OPERATION_CLASS = None

    def __init__(self, max_requests=None, loop=None, deferred=False, **kwargs):
        self.max_requests = max_requests or self.MAX_REQUESTS_DEFAULT
        self.loop = loop or asyncio.get_event_loop()
        self.deferred = deferred
        self.semaphore = asyncio.BoundedSemaphore(self.max_requests)
        self.context = self._create_context(self.max_requests, **kwargs)

    def _create_context(self, max_requests, **kwargs):
        return self.CONTEXT_CLASS(max_requests=max_requests, **kwargs)

    def _destroy_context(self):
        pass

    def _submitted(self):
        """Something was submitted."""

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exception):
        self.close()

    def close(self):
        """Lets go of what the context has of the event loop's."""
        self._destroy_context()

    async def submit(self, op):
        """Awaits an operation's end, and returns its value."""
        if not isinstance(op, self.OPERATION_CLASS):
            raise ValueError("Operation object expected")
        ended = self.loop.create_future()

        def end():
            if not ended.done():
                ended.set_result(None)

        op.set_callback(lambda _: self.loop.call_soon_threadsafe(end))
        async with self.semaphore:
            if self.context.submit(op) != 1:
                raise OSError("Operation was not submitted")
            self._submitted()
            try:
                await ended
            except asyncio.CancelledError:
                self.context.cancel(op)
                raise
        return op.get_value()

    def read(self, nbytes, fd, offset, priority=0):
        """Reads up to ``nbytes`` bytes of a descriptor at ``offset``."""
        return self.submit(self.OPERATION_CLASS.read(nbytes, fd, offset, priority))

    def write(self, payload, fd, offset, priority=0):
        """Writes ``payload`` to a descriptor at ``offset``, and returns how many bytes it took."""
        return self.submit(self.OPERATION_CLASS.write(payload, fd, offset, priority))

    def fsync(self, fd):
        """Has the device keep what was written."""
        return self.submit(self.OPERATION_CLASS.fsync(fd))

    def fdsync(self, fd):
        """The same without metadata that reading does not need."""
        return self.submit(self.OPERATION_CLASS.fdsync(fd))
