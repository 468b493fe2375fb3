"""What every implementation's classes have."""

import abc


class AbstractContext(abc.ABC):
    """Operations are submitted to it."""

    @property
    def max_requests(self):
        """How many operations it takes at once."""
        raise NotImplementedError

    def submit(self, *aio_operations):
        """Accepts operations, and returns how many."""
        raise NotImplementedError

    def cancel(self, *aio_operations):
        """Gives operations up."""
        raise NotImplementedError


class AbstractOperation(abc.ABC):
    """A read, write or sync of a descriptor."""

    @classmethod
    @abc.abstractmethod
    def read(cls, nbytes, fd, offset, priority=0):
        """Reads up to ``nbytes`` bytes."""

    @classmethod
    @abc.abstractmethod
    def write(cls, payload_bytes, fd, offset, priority=0):
        """Writes ``payload_bytes``."""

    @classmethod
    @abc.abstractmethod
    def fsync(cls, fd, priority=0):
        """Has the device keep what was written."""

    @classmethod
    @abc.abstractmethod
    def fdsync(cls, fd, priority=0):
        """The same without metadata that reading does not need."""

    @abc.abstractmethod
    def get_value(self):
        """The bytes of a read, the number of bytes of a write, ``None`` of a sync."""

    @property
    @abc.abstractmethod
    def fileno(self):
        """The descriptor."""

    @property
    @abc.abstractmethod
    def offset(self):
        """The offset in the file."""

    @property
    @abc.abstractmethod
    def payload(self):
        """The memory that is read into or written from."""

    @property
    @abc.abstractmethod
    def nbytes(self):
        """How many bytes are asked for."""

    @abc.abstractmethod
    def set_callback(self, callback):
        """Has ``callback`` called with the result."""
