"""caio's ``linux_uring``, over the engine's io_uring."""

from aiofile_rs._engine import CompatContext
from ._available import require
from ._operation import EngineOperation
from .abstract import AbstractContext

require("uring")

# The engine submits with a system call of its own, which starts what the kernel can do at once.
SQPOLL_ALLOWED = False


class Context(CompatContext):
    """linux uring context: ``submit`` stages, ``flush`` starts and delivers."""

    def __new__(cls, max_requests=32, sqpoll=False):
        return super().__new__(cls, "uring", max_requests)

    @property
    def sqpoll(self):
        """Whether a thread of the kernel's submits: never."""
        return False


class Operation(EngineOperation):
    """linux uring operation"""


AbstractContext.register(Context)
