"""Having ``import caio`` find the package of that name that is in here."""

import importlib.util
import os
import sys


def install() -> None:
    """Has ``import caio`` find this engine, also in libraries that know nothing of it.

    It is for the start of a program, before anything imports ``caio``. Called again, it does
    nothing. Raises ``RuntimeError`` where another ``caio`` was imported before.
    """
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "caio", "__init__.py")
    before = sys.modules.get("caio")
    if before is not None:
        if getattr(before, "__file__", None) == path:
            return
        raise RuntimeError("another caio was imported already: call install() before that")
    spec = importlib.util.spec_from_file_location(
        "caio", path, submodule_search_locations=[os.path.dirname(path)]
    )
    if spec is None or spec.loader is None:
        raise RuntimeError(f"there is no package at {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules["caio"] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules["caio"]
        raise
