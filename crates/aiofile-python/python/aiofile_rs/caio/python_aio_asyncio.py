"""caio's ``python_aio_asyncio``."""

from .asyncio_base import AsyncioContextBase
from .python_aio import Context, Operation


class AsyncioContext(AsyncioContextBase):
    """Reads, writes and syncs of descriptors, to be awaited."""

    CONTEXT_CLASS = Context
    OPERATION_CLASS = Operation

    def _destroy_context(self):
        self.context.close()
