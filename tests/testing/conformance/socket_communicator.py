"""A small real communicator for processes of one machine: a star of TCP connections around process 0.

Every process sends each collective to process 0 as a header (what it calls, on what) and its elements.
Process 0 compares the headers, computes, and answers all with the result or with an error.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

import numpy as np

import rustorch
from rustorch.dtypes import dtype_of
from rustorch.errors import ArgumentError, DeviceError, DTypeError, ShapeError
from rustorch.plugins import hookimpl

#: Seconds that processes have to start; the timeout is for collectives.
JOINING = 60.0
FOLDS = {"sum": np.add, "max": np.maximum, "min": np.minimum}


class SocketCommunicator:
    """See the module docstring."""

    def __init__(self, rank: int, world_size: int, options: dict[str, Any]) -> None:
        self.rank, self.world_size = rank, world_size
        self.timeout = options["timeout"] or 60.0
        address = (options["master_addr"], options["master_port"])
        self.peers = self._accepted(address) if rank == 0 else [self._connected(address)]
        self._number = 0

    def _accepted(self, address: tuple[str, int]) -> list[socket.socket]:
        peers: dict[int, socket.socket] = {}
        with socket.create_server(address) as server:
            server.settimeout(JOINING)
            while len(peers) < self.world_size - 1:
                peer, _ = server.accept()
                peer.settimeout(self.timeout)
                peers[struct.unpack("!I", self.received(peer, 4))[0]] = peer
        for peer in peers.values():
            peer.sendall(b"!")  # all are here; from now on the timeout counts
        return [peers[rank] for rank in sorted(peers)]

    def _connected(self, address: tuple[str, int]) -> socket.socket:
        deadline = time.monotonic() + JOINING
        while True:
            try:
                hub = socket.create_connection(address, self.timeout)
            except ConnectionRefusedError:
                if time.monotonic() > deadline:
                    raise DeviceError(f"sockets: process 0 does not listen at {address}") from None
                time.sleep(0.02)
            else:
                hub.sendall(struct.pack("!I", self.rank))
                hub.settimeout(JOINING)
                self.received(hub, 1)
                hub.settimeout(self.timeout)
                return hub

    # -- collectives

    def all_reduce(self, tensor: Any, op: str = "sum") -> None:
        if op not in FOLDS:
            raise ArgumentError(f"all_reduce: op must be one of {', '.join(FOLDS)}, got {op!r}")
        if op != "sum" and tensor.dtype.is_complex:
            raise DTypeError(f"all_reduce: {op} is not defined for {tensor.dtype.name}")
        self.collective(tensor, {"kind": "all_reduce", "op": op})

    def broadcast(self, tensor: Any, src: int) -> None:
        if not 0 <= src < self.world_size:
            raise ArgumentError(f"broadcast: src must be in 0 to {self.world_size - 1}, got {src}")
        self.collective(tensor, {"kind": "broadcast", "src": src})

    def barrier(self) -> None:
        self.collective(rustorch.zeros(0), {"kind": "barrier"})

    def close(self) -> None:
        for peer in self.peers:
            peer.close()
        self.peers = []

    def collective(self, tensor: Any, what: dict[str, Any]) -> None:
        """Do one collective; `what` says which, and must be the same everywhere."""
        self._number += 1
        own = np.ascontiguousarray(tensor.detach().numpy(force=True))
        header = {"number": self._number, "dtype": tensor.dtype.name, "shape": list(tensor.shape)} | what
        if self.rank == 0:
            result = self._answered(own, header)
        else:
            self._send(self.peers[0], header, own.tobytes())
            answer, payload = self._receive(self.peers[0])
            if "error" in answer:
                raise ShapeError(answer["error"])
            result = np.frombuffer(payload, own.dtype).reshape(own.shape)
        self.store(tensor, result)

    def _answered(self, own: np.ndarray, header: dict[str, Any]) -> np.ndarray:
        """Collect all parts, compute and send the result back."""
        parts = [own]
        for rank, peer in enumerate(self.peers, 1):
            theirs, payload = self._receive(peer)
            if self.differs(theirs, header):
                error = f"sockets: process 0 calls {header}, process {rank} calls {theirs}"
                for other in self.peers:
                    self._send(other, {"error": error}, b"")
                raise ShapeError(error)
            parts.append(np.frombuffer(payload, own.dtype).reshape(own.shape))
        result = self.computed(parts, header)
        for peer in self.peers:
            self._send(peer, {}, result.tobytes())
        return result

    def differs(self, theirs: dict[str, Any], header: dict[str, Any]) -> bool:
        return theirs != header

    def computed(self, parts: list[np.ndarray], header: dict[str, Any]) -> np.ndarray:
        if header["kind"] == "barrier":
            return parts[0]
        if header["kind"] == "broadcast":
            return parts[header["src"]]
        with np.errstate(all="ignore"):
            half = dtype_of(header["dtype"]).is_floating_point and parts[0].dtype.itemsize == 2
            wide = [part.astype(np.float32) for part in parts] if half else parts
            total = wide[0].copy()
            for part in wide[1:]:
                total = FOLDS[header["op"]](total, part)
            return np.ascontiguousarray(total.astype(parts[0].dtype))

    def store(self, tensor: Any, result: np.ndarray) -> None:
        with rustorch.no_grad():
            tensor.copy_(rustorch.tensor(result.reshape(tuple(tensor.shape)), device=tensor.device))

    # -- messages

    def _send(self, peer: socket.socket, header: dict[str, Any], payload: bytes) -> None:
        text = json.dumps(header).encode()
        try:
            peer.sendall(struct.pack("!IQ", len(text), len(payload)) + text + payload)
        except OSError as error:
            raise DeviceError(f"sockets: another process is gone: {error}") from error

    def _receive(self, peer: socket.socket) -> tuple[dict[str, Any], bytes]:
        sizes = struct.unpack("!IQ", self.received(peer, 12))
        return json.loads(self.received(peer, sizes[0])), self.received(peer, sizes[1])

    def received(self, peer: socket.socket, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            try:
                piece = peer.recv(count - len(found))
            except OSError as error:  # a timeout is one
                raise DeviceError(f"sockets: no answer in {self.timeout} s: {error}") from error
            if not piece:
                raise DeviceError("sockets: another process has left the world")
            found += piece
        return bytes(found)


# -- wrong ones --------------------------------------------------------------------------------------


class LosesViews(SocketCommunicator):
    """The result goes into the contiguous copy of a tensor that is not contiguous."""

    def store(self, tensor: Any, result: np.ndarray) -> None:
        super().store(tensor.contiguous(), result)


class AlwaysFromZero(SocketCommunicator):
    """Broadcasts come from process 0."""

    def broadcast(self, tensor: Any, src: int) -> None:
        super().broadcast(tensor, 0)


class BarrierPasses(SocketCommunicator):
    """Nobody waits at a barrier."""

    def barrier(self) -> None:
        return


class OwnOrder(SocketCommunicator):
    """Every process adds its own part first: sums differ in their last bits."""

    def collective(self, tensor: Any, what: dict[str, Any]) -> None:
        if what.get("op") != "sum" or not tensor.dtype.is_floating_point:
            super().collective(tensor, what)
            return
        parts = []
        for src in range(self.world_size):
            part = tensor.detach().clone()
            super().collective(part, {"kind": "broadcast", "src": src})
            parts.append(np.array(part.numpy(force=True)))
        order = [self.rank, *(r for r in range(self.world_size) if r != self.rank)]
        header = {"kind": "all_reduce", "op": "sum", "dtype": tensor.dtype.name}
        self.store(tensor, self.computed([parts[r] for r in order], header))


class IntegersAlwaysSum(SocketCommunicator):
    """The reduction of integers is not looked at."""

    def computed(self, parts: list[np.ndarray], header: dict[str, Any]) -> np.ndarray:
        whole = parts[0].dtype.kind in "iu"
        return super().computed(parts, header | {"op": "sum"} if whole else header)


class ShortReads(SocketCommunicator):
    """One `recv` per message: what is large arrives in part, and the rest stays 0."""

    def received(self, peer: socket.socket, count: int) -> bytes:
        if count < 1 << 16:
            return super().received(peer, count)
        piece = super().received(peer, 1 << 16)
        super().received(peer, count - len(piece))
        return piece.ljust(count, b"\0")


class HangsOnMistakes(SocketCommunicator):
    """Sizes are not compared, and nothing limits the wait for what never comes."""

    def __init__(self, rank: int, world_size: int, options: dict[str, Any]) -> None:
        super().__init__(rank, world_size, options | {"timeout": 1e6})

    def differs(self, theirs: dict[str, Any], header: dict[str, Any]) -> bool:
        while theirs != header:
            time.sleep(1)
        return False


class TakesTheBytes(SocketCommunicator):
    """Elements of another dtype of the same size are taken for this one's."""

    def differs(self, theirs: dict[str, Any], header: dict[str, Any]) -> bool:
        return theirs | {"dtype": ""} != header | {"dtype": ""}


class CloseHangs(SocketCommunicator):
    """Leaving waits for a message that nobody sends."""

    def close(self) -> None:
        if self.rank:
            self.peers[0].settimeout(None)
            self.peers[0].recv(1)
        else:
            time.sleep(1e6)


WRONG_COMMUNICATORS: list[type[SocketCommunicator]] = [
    LosesViews,
    AlwaysFromZero,
    BarrierPasses,
    OwnOrder,
    IntegersAlwaysSum,
    ShortReads,
    HangsOnMistakes,
    TakesTheBytes,
    CloseHangs,
]
SCHEMES = {"sockets": SocketCommunicator} | {f"sockets-{c.__name__}": c for c in WRONG_COMMUNICATORS}


class Plugin:
    @hookimpl
    def rustorch_communicator(
        self, scheme: str, rank: int, world_size: int, options: dict[str, Any]
    ) -> SocketCommunicator | None:
        return SCHEMES[scheme](rank, world_size, options) if scheme in SCHEMES else None


plugin = Plugin()
