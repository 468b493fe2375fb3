"""caio's ``thread_aio_asyncio``."""

from ._engine_asyncio import EngineContext
from .thread_aio import Context, Operation


class AsyncioContext(EngineContext):
    """Reads, writes and syncs of descriptors, to be awaited."""

    BACKEND = "thread"
    CONTEXT_CLASS = Context
    OPERATION_CLASS = Operation

    def _destroy_context(self):
        self.context.close()
