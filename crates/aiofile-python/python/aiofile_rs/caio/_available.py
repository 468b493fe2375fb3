"""Whether a backend works here, as an import of its module has to tell."""

from aiofile_rs._engine import Context


def require(backend):
    """Raises ``ImportError`` where the backend does not work here, and says why."""
    try:
        Context(backend)
    except ValueError as error:
        raise ImportError(str(error)) from error
