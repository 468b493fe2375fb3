"""caio's ``python_aio``: system calls in a pool of Python's own threads, without the engine."""

import os
import sys
import threading
from enum import IntEnum, unique
from multiprocessing.pool import ThreadPool
from operator import index

from .abstract import AbstractContext, AbstractOperation


@unique
class OpCode(IntEnum):
    """What an operation does."""

    READ = 0
    WRITE = 1
    FSYNC = 2
    FDSYNC = 3
    NOOP = -1


class Context(AbstractContext):
    """python aio context: callbacks come on a thread of its pool."""

    MAX_POOL_SIZE = 128

    def __init__(self, max_requests=32, pool_size=8):
        self._open = False
        if not 0 < pool_size < self.MAX_POOL_SIZE:
            raise ValueError(f"pool_size is 1 to {self.MAX_POOL_SIZE - 1}, and not {pool_size}")
        if max_requests <= 0:
            raise ValueError(f"max_requests is 1 or more, and not {max_requests}")
        self._max_requests = max_requests
        self._in_progress = 0
        self._lock = threading.Lock()
        self.pool = ThreadPool(pool_size)
        self._open = True

    @property
    def max_requests(self):
        """How many operations it takes at once."""
        return self._max_requests

    def submit(self, *aio_operations):
        """Starts operations, and returns how many; ``RuntimeError`` where there is no room."""
        for operation in aio_operations:
            if not isinstance(operation, Operation):
                raise ValueError(f"Operation is expected, and not {operation!r}")
        return sum(map(self._start, aio_operations))

    def _start(self, operation):
        with operation._lock, self._lock:
            if operation.in_progress:
                return False
            if not self._open:
                raise RuntimeError("Context is closed")
            if self._in_progress >= self._max_requests:
                raise RuntimeError(f"{self._max_requests} requests are in flight, the limit")
            operation.in_progress = True
            self._in_progress += 1

        def succeeded(result):
            operation.written = result
            self._end(operation, result)

        def failed(error):
            operation.exception = error
            self._end(operation, None)

        try:
            self.pool.apply_async(
                operation._perform, callback=succeeded, error_callback=failed
            )
        except BaseException:
            with operation._lock, self._lock:
                operation.in_progress = False
                self._in_progress -= 1
            raise
        return True

    def _end(self, operation, result):
        with self._lock:
            self._in_progress -= 1
        if operation.callback is None:
            return
        try:
            operation.callback(result)
        except BaseException:
            # It would end the pool's thread that hands out results.
            about = (*sys.exc_info(), threading.current_thread())
            threading.excepthook(threading.ExceptHookArgs(about))

    def cancel(self, *aio_operations):
        """Returns 0. What was submitted goes on to its end."""
        return 0

    def close(self):
        """Accepts nothing any more. What was submitted is delivered."""
        if self._open:
            self._open = False
            self.pool.close()

    def __del__(self):
        self.close()


class Operation(AbstractOperation):
    """python aio operation"""

    def __init__(self, fd, nbytes, offset, opcode, payload=None, priority=None):
        self._fileno = index(fd)
        self._nbytes = index(nbytes or 0)
        self._offset = index(offset or 0)
        self._priority = index(priority or 0)
        if opcode == OpCode.WRITE and not isinstance(payload, bytes):
            raise ValueError(f"payload_bytes is bytes, and not {type(payload).__name__}")
        self._lock = threading.Lock()
        self.opcode = opcode
        self.buffer = payload if opcode == OpCode.WRITE else b""
        self.callback = None
        self.exception = None
        self.in_progress = False
        self.written = 0

    @classmethod
    def read(cls, nbytes, fd, offset, priority=0):
        return cls(fd, nbytes, offset, OpCode.READ, priority=priority)

    @classmethod
    def write(cls, payload_bytes, fd, offset, priority=0):
        size = len(payload_bytes)
        return cls(fd, size, offset, OpCode.WRITE, payload=payload_bytes, priority=priority)

    @classmethod
    def fsync(cls, fd, priority=0):
        return cls(fd, None, None, OpCode.FSYNC, priority=priority)

    @classmethod
    def fdsync(cls, fd, priority=0):
        return cls(fd, None, None, OpCode.FDSYNC, priority=priority)

    def _perform(self):
        if self.opcode == OpCode.READ:
            self.buffer = os.pread(self._fileno, self._nbytes, self._offset)
            return len(self.buffer)
        if self.opcode == OpCode.WRITE:
            return os.pwrite(self._fileno, self.buffer, self._offset)
        if self.opcode == OpCode.FSYNC:
            return os.fsync(self._fileno)
        if self.opcode == OpCode.FDSYNC:
            return os.fdatasync(self._fileno)
        return None

    def get_value(self):
        if self.exception is not None:
            raise self.exception
        if self.opcode == OpCode.READ:
            return self.buffer
        return self.written if self.opcode == OpCode.WRITE else None

    @property
    def fileno(self):
        return self._fileno

    @property
    def offset(self):
        return self._offset

    @property
    def nbytes(self):
        return self._nbytes

    @property
    def payload(self):
        return memoryview(self.buffer)

    def set_callback(self, callback):
        if not callable(callback):
            raise ValueError(f"callback is callable, and not {callback!r}")
        with self._lock:
            self.callback = callback
        return True
