"""Who else uses a tensor's memory: aliases of it, and graphs that are still to be differentiated."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import Any

from rustorch.base import TensorBase
from rustorch.errors import AutogradError
from rustorch.hardware.holdings import Holdings
from rustorch.nn.parameter import UninitializedTensor
from rustorch.ops.elementwise import known_number
from rustorch.tape import Node, Output


def existing() -> tuple[list[Any], list[Any]]:
    """Return every tensor with elements and every node of the process."""
    tensors: list[Any] = []
    nodes: list[Any] = []
    wanted: dict[type, list[Any] | None] = {}
    for found in gc.get_objects():
        kind = type(found)
        try:
            into = wanted[kind]
        except KeyError:
            into = None
            if issubclass(kind, TensorBase) and not issubclass(kind, UninitializedTensor):
                into = tensors
            elif issubclass(kind, Node):
                into = nodes
            wanted[kind] = into
        if into is nodes or (into is tensors and getattr(found, "storage", None) is not None):
            into.append(found)  # of tensors not those that another thread is making right now
    return tensors, nodes


def sharing(held: Holdings, what: str) -> list[Any]:
    """Return the held tensors and all others that share memory with them, whoever has those.

    Raises:
        AutogradError: if a graph through one of them could still be differentiated.
    """
    for attempt in range(2):
        everything, nodes = existing()
        storages = {id(x.storage) for x in held.tensors}
        shared = [x for x in everything if id(x.storage) in storages]
        own = {id(x) for x in held.tensors}
        # constants of the op table are kept per device and stay there
        shared = [x for x in shared if id(x) not in own and known_number(x) is None]
        shared = [*held.tensors, *shared]
        found = _alive(shared, storages, nodes)
        if found is None:
            return shared
        if attempt:
            tensor, node = found
            raise AutogradError(
                f"{what}: tensors that no graph needs any more are required, got {held.name(tensor)}, "
                f"through which a graph can still be differentiated ({node.name()})",
                hint="call backward() first, del the results of the forward, or compute them under no_grad()",
            )
        del everything, nodes, shared, found
        gc.collect()  # the graph may be garbage in a cycle
    raise AssertionError


def _alive(shared: list[Any], storages: set[int], nodes: Iterable[Any]) -> tuple[Any, Any] | None:
    """Return a tensor and a node that still needs it, if there is one."""
    by_id = {id(x): x for x in shared}
    for x in shared:
        node = x.node.node if isinstance(x.node, Output) else x.node
        if node is not None and node.saved is not None:
            return x, node
    for node in nodes:
        if node.saved is None:  # differentiated; what it needed is forgotten
            continue
        for edge in node.edges:
            if id(edge) in by_id:
                return edge, node
        out = node.out if isinstance(node.out, tuple) else (node.out,)
        for x in (*node.saved, *out):
            if isinstance(x, TensorBase) and id(x.storage) in storages:
                return x, node
    return None
