"""caio's ``thread_aio``, over the engine's pool of threads."""

from aiofile_rs._engine import CompatContext
from ._available import require
from ._operation import EngineOperation
from .abstract import AbstractContext

require("thread")


class Context:
    """thread aio context: callbacks come on a thread of its own."""

    __slots__ = ("__weakref__", "_context")

    def __init__(self, max_requests=512, pool_size=8):
        self._context = CompatContext("thread", max_requests, pool_size)

    @property
    def max_requests(self):
        """How many operations it takes at once."""
        return self._context.max_requests

    @property
    def pool_size(self):
        """How many of them are done at the same time."""
        return self._context.pool_size

    def submit(self, *operations):
        """Starts operations, and returns how many; ``RuntimeError`` where there is no room."""
        return self._context.submit(*operations)

    def cancel(self, operation):
        """Returns 0. What a thread has begun goes on to its end."""
        return self._context.cancel(operation)

    def close(self):
        """Accepts nothing any more. What was accepted is delivered."""
        self._context.close()


class Operation(EngineOperation):
    """thread aio operation"""


AbstractContext.register(Context)
