"""caio's ``linux_aio_asyncio``."""

from ._engine_asyncio import CollectingContext
from .linux_aio import Context, Operation


class AsyncioContext(CollectingContext):
    """Reads, writes and syncs of descriptors, to be awaited."""

    BACKEND = "linux"
    CONTEXT_CLASS = Context
    OPERATION_CLASS = Operation
