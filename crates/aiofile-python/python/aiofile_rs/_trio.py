"""Waiting in trio, for the native part: what it calls where a task of trio's has to wait."""

import trio
from trio import lowlevel

from . import _engine

_HOOK = lowlevel.RunVar("aiofile_rs")


def hook():
    """The hook of the trio that runs here, and a task of trio's own that serves it."""
    try:
        return _HOOK.get()
    except LookupError:
        made = _engine.LoopHook()
        _HOOK.set(made)
        lowlevel.spawn_system_task(_serve, made, name="aiofile_rs")
        return made


async def _serve(served):
    while True:
        await lowlevel.wait_readable(served.fileno())
        served.on_readable()


class Wait:
    """One wait of one task. It has what the native part asks of asyncio's futures."""

    def __init__(self):
        self._task = lowlevel.current_task()
        self._over = False

    def coroutine(self):
        """What the task goes through to wait."""
        return lowlevel.wait_task_rescheduled(self._abort)

    def done(self):
        """Whether the task was woken or cancelled."""
        return self._over

    def set_result(self, _):
        """Wakes the task."""
        self._over = True
        lowlevel.reschedule(self._task)

    def _abort(self, _):
        self._over = True
        return lowlevel.Abort.SUCCEEDED


def turn():
    """What a task goes through to let others run."""
    return lowlevel.cancel_shielded_checkpoint()


def runs():
    """Whether trio runs on this thread."""
    return lowlevel.in_trio_run()
