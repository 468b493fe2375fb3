"""caio's ``linux_aio``, over the engine's kernel AIO."""

from aiofile_rs._engine import CompatContext
from ._available import require
from ._operation import EngineOperation
from .abstract import AbstractContext

require("linux")


class Context(CompatContext):
    """linux aio context: ``submit`` starts, ``process_events`` delivers."""

    def __new__(cls, max_requests=32):
        return super().__new__(cls, "linux", max_requests)


class Operation(EngineOperation):
    """linux aio operation"""


AbstractContext.register(Context)
