"""The package ``caio`` of Python, over this engine: the same modules, classes and rules.

``aiofile_rs.install()`` has ``import caio`` find it, also in libraries that know nothing of it.
``CAIO_IMPL`` names the implementation that is preferred: ``uring``, ``linux``, ``thread`` or
``python``. Else the first line of a file ``default_implementation`` beside this one that names one
does, and else it is the first that works here.
"""

import os
import warnings

from . import python_aio, python_aio_asyncio
from .abstract import AbstractContext, AbstractOperation

try:
    from . import linux_uring, linux_uring_asyncio
except ImportError:
    linux_uring = linux_uring_asyncio = None

try:
    from . import linux_aio, linux_aio_asyncio
except ImportError:
    linux_aio = linux_aio_asyncio = None

try:
    from . import thread_aio, thread_aio_asyncio
except ImportError:
    thread_aio = thread_aio_asyncio = None

# What its API is that of.
__version__ = "0.12.10"

_BY_NAME = {
    "uring": (linux_uring, linux_uring_asyncio),
    "linux": (linux_aio, linux_aio_asyncio),
    "thread": (thread_aio, thread_aio_asyncio),
    "python": (python_aio, python_aio_asyncio),
}
_BY_NAME = {name: pair for name, pair in _BY_NAME.items() if all(pair)}

variants = tuple(module for module, _ in _BY_NAME.values())
variants_asyncio = tuple(module for _, module in _BY_NAME.values())


def _in_file():
    """The first line of the file that names an implementation."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "default_implementation")
    try:
        with open(path) as lines:
            return next((line.strip() for line in lines if line.strip() in _BY_NAME), None)
    except FileNotFoundError:
        return None


def _choose():
    asked = os.environ.get("CAIO_IMPL") or _in_file()
    if asked is not None and asked not in _BY_NAME:
        message = f"CAIO_IMPL contains unsupported value {asked!r}; there are {tuple(_BY_NAME)!r}"
        warnings.warn(message, RuntimeWarning, stacklevel=3)
    return _BY_NAME.get(asked) or next(iter(_BY_NAME.values()))


preferred, preferred_asyncio = _choose()

Context = preferred.Context
Operation = preferred.Operation
AsyncioContext = preferred_asyncio.AsyncioContext

__all__ = (
    "AbstractContext",
    "AbstractOperation",
    "AsyncioContext",
    "Context",
    "Operation",
    "__version__",
    "linux_aio",
    "linux_aio_asyncio",
    "linux_uring",
    "linux_uring_asyncio",
    "python_aio",
    "python_aio_asyncio",
    "thread_aio",
    "thread_aio_asyncio",
    "variants",
    "variants_asyncio",
)
