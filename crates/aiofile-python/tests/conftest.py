"""What the tests share: event loops, contexts, and programs of their own."""

import asyncio
import subprocess
import sys
import textwrap

import pytest

import aiofile_rs

try:
    import uvloop
except ImportError:
    uvloop = None

LOOPS = ["asyncio"] + (["uvloop"] if uvloop else [])


def available(backend):
    try:
        aiofile_rs.Context(backend)
    except ValueError:
        return False
    return True


BACKENDS = [backend for backend in aiofile_rs.backends() if available(backend)]


@pytest.fixture(params=LOOPS)
def run(request):
    """Runs a coroutine in an event loop of each kind."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def run(coroutine):
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(coroutine)

    return run


@pytest.fixture(params=BACKENDS)
def context(request):
    """A context of each backend that works here."""
    return aiofile_rs.Context(request.param)


@pytest.fixture
def program():
    """Runs a program of its own to its end, and returns what it printed."""

    def program(text, *arguments, code=0):
        command = [sys.executable, "-c", textwrap.dedent(text), *map(str, arguments)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert ended.returncode == code, (ended.returncode, ended.stdout, ended.stderr)
        return ended.stdout

    return program
