"""What works here, and how: ``python -m aiofile_rs.doctor``. It ends with 1 where nothing works."""

import asyncio
import os
import platform
import sys
import sysconfig
import tempfile

from . import Context, backends, default_context, open_aio


def doctor() -> tuple[str, bool]:
    """What works here, and how, as text; the second value says whether the default context works."""
    lines = [
        f"python        {platform.python_version()} ({platform.python_implementation()}), {_lock()}",
        f"system        {platform.platform()}",
    ]
    works = False
    for backend in [None, *backends()]:
        try:
            context = default_context() if backend is None else Context(backend)
            asyncio.run(_try(context))
        except (OSError, ValueError, RuntimeError) as error:
            outcome = f"does not work: {error}"
        else:
            outcome = f"works ({context.backend})" if backend is None else "works"
            works = works or backend is None
        lines.append(f"{backend or 'by default':<14}{outcome}")
    if works:
        lines += ["", default_context().info.rstrip()]
    return "\n".join(lines), works


def _lock() -> str:
    built = "free-threaded" if sysconfig.get_config_var("Py_GIL_DISABLED") else "with the GIL"
    enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    return built if enabled == (built == "with the GIL") else f"{built}, but the GIL is enabled"


async def _try(context: Context) -> None:
    """Writes a file and reads it, in this process's directory for temporary files."""
    with tempfile.TemporaryDirectory() as directory:
        async with open_aio(os.path.join(directory, "probe"), "w+", context=context) as file:
            await file.write_at(b"aiofile", 0)
            await file.fsync()
            if await file.read_at(100, 0) != b"aiofile":
                raise OSError("what was written was not read")


if __name__ == "__main__":
    text, works = doctor()
    print(text)
    sys.exit(not works)
