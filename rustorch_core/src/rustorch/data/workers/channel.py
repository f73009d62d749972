"""A two-way channel between the loader and one worker: messages with file descriptors.

Each worker has its own: a worker that is killed in the middle of a message, or while it holds a lock,
can then spoil nothing that the others need, as it could with one queue for all.
"""

from __future__ import annotations

import contextlib
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any

_HEADER = struct.Struct("<QI")  # bytes of the message, number of descriptors
_AT_ONCE = 200  # the kernel takes up to 253 descriptors per call
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class ChannelClosedError(Exception):
    """The other side is gone."""


class Channel:
    """One end of a connected pair of sockets."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    @staticmethod
    def pair() -> tuple[Channel, Channel]:
        """Return both ends."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        return Channel(ours), Channel(theirs)

    def fileno(self) -> int:
        """Return the descriptor, to wait for."""
        return self.sock.fileno()

    def send(self, message: bytes, descriptors: Sequence[int] = ()) -> None:
        """Send a message; the descriptors may be closed afterwards."""
        try:
            self.sock.sendall(_HEADER.pack(len(message), len(descriptors)))
            for i in range(0, len(descriptors), _AT_ONCE):
                socket.send_fds(self.sock, [b"f"], descriptors[i : i + _AT_ONCE])
            self.sock.sendall(message)
        except (BrokenPipeError, ConnectionError, OSError) as error:
            raise ChannelClosedError(str(error)) from None

    def receive(self) -> tuple[bytearray, list[int]]:
        """Return the next message and its descriptors, which the caller has to close."""
        length, count = _HEADER.unpack(self._exactly(_HEADER.size))
        descriptors: list[int] = []
        try:
            while len(descriptors) < count:
                got = self._descriptors(min(_AT_ONCE, count - len(descriptors)))
                descriptors += got
            return self._exactly(length), descriptors
        except BaseException:
            for descriptor in descriptors:
                os.close(descriptor)
            raise

    def _descriptors(self, count: int) -> list[int]:
        try:
            data, got, flags, _ = socket.recv_fds(self.sock, 1, count, _CLOSE_ON_EXEC)
        except OSError as error:
            raise ChannelClosedError(str(error)) from None
        if not data:
            raise ChannelClosedError
        if len(got) < count or flags & socket.MSG_CTRUNC:
            for descriptor in got:
                os.close(descriptor)
            raise OSError("too many open files: no descriptor is left for shared memory (see `ulimit -n`)")
        return list(got)

    def _exactly(self, length: int) -> bytearray:
        data = bytearray(length)
        rest: Any = memoryview(data)
        while rest:
            try:
                got = self.sock.recv_into(rest)
            except OSError as error:
                raise ChannelClosedError(str(error)) from None
            if not got:
                raise ChannelClosedError
            rest = rest[got:]
        return data

    def shut(self) -> None:
        """Make every send and receive on both sides end, also those that wait now."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Release the descriptor."""
        self.sock.close()
