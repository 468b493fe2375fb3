"""caio's ``linux_uring_asyncio``."""

from ._engine_asyncio import CollectingContext
from .linux_uring import Context, Operation


class AsyncioContext(CollectingContext):
    """Reads, writes and syncs of descriptors, to be awaited."""

    BACKEND = "uring"
    CONTEXT_CLASS = Context
    OPERATION_CLASS = Operation
