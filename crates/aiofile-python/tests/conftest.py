"""What the tests share: event loops, contexts, and programs of their own."""

import asyncio
import signal
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
        command = [sys.executable, "-X", "faulthandler", "-c", textwrap.dedent(text)]
        command += map(str, arguments)
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as running:
            try:
                said, told = running.communicate(timeout=120)
            except subprocess.TimeoutExpired:
                # It tells where each of its threads is.
                running.send_signal(signal.SIGABRT)
                said, told = running.communicate()
        assert running.returncode == code, (running.returncode, said, told)
        return said

    return program
