"""Walking the tape backwards.

No recursion: a graph of any depth works.  A node runs when all gradients of its results have
arrived; among those ready the one recorded last runs first, so memory is freed as early as it can.
"""

from __future__ import annotations

from collections.abc import Sequence
from heapq import heappop, heappush
from sys import getrefcount
from typing import Any

from rustorch.base import Spec, TensorBase, allocate
from rustorch.errors import ArgumentError, ArgumentTypeError, AutogradError, ShapeError
from rustorch.ops.movement import Part
from rustorch.tape import Node, Output, edge_of, mode, settings

#: getrefcount() of a gradient that only the engine holds when it reaches its leaf (see `_accumulate`).
_ENGINE_ONLY = 3


def backward(
    tensors: Any,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Any = None,
) -> None:
    """Accumulate the gradients of `tensors` in the ``grad`` of the leaves that they depend on.

    Args:
        tensors: a tensor or several.
        grad_tensors: the gradient of each (None for tensors of one element).
        retain_graph: keep what the tape saved; as `create_graph` if None.
        create_graph: record the derivative, to differentiate it again.
        inputs: only these leaves accumulate; all if None.

    Raises:
        AutogradError: if nothing requires grad, a graph is gone, or a saved tensor was changed.
        ShapeError: if a gradient's shape is not that of its tensor.
    """
    roots = _roots("backward", _listed(tensors), grad_tensors, create_graph)
    only = None if inputs is None else [_target("backward", x) for x in _listed(inputs)]
    _run(roots, keep=create_graph if retain_graph is None else retain_graph, create=create_graph, leaves=only)


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool = False,
) -> tuple[Any, ...]:
    """Return the gradients of `outputs` with respect to `inputs`, without touching any ``grad``.

    Args:
        outputs: a tensor or several.
        inputs: a tensor or several, leaves or not.
        grad_outputs: the gradient of each output (None for tensors of one element).
        retain_graph: keep what the tape saved; as `create_graph` if None.
        create_graph: record the derivative, to differentiate it again.
        only_inputs: must be True; PyTorch has it.
        allow_unused: None instead of an error for an input that no output depends on.

    Raises:
        AutogradError: as :func:`backward`, or if an input is unused.
    """
    if not only_inputs:
        raise ArgumentError(
            "grad: only_inputs=False does not exist", hint="use backward() to accumulate in leaves"
        )
    wanted = _listed(inputs)
    targets = [_target("grad", x) for x in wanted]
    roots = _roots("grad", _listed(outputs), grad_outputs, create_graph)
    keep = create_graph if retain_graph is None else retain_graph
    found = _run(roots, keep=keep, create=create_graph, capture=targets)
    result = [found.get(_key(t)) for t in targets]
    if not allow_unused:
        for position, g in enumerate(result):
            if g is None:
                raise AutogradError(
                    f"grad: input {position} was not used to compute the outputs",
                    hint="pass allow_unused=True to get None for it",
                )
    return tuple(result)


# -- arguments ---------------------------------------------------------------------------------------


def _listed(value: Any) -> list[Any]:
    if isinstance(value, TensorBase):
        return [value]
    if isinstance(value, (str, bytes, dict)) or not hasattr(type(value), "__iter__"):
        raise ArgumentTypeError(f"expected a tensor or a sequence of them, got {type(value).__name__}")
    return list(value)


def _target(name: str, x: Any) -> Any:
    if not isinstance(x, TensorBase):
        raise ArgumentTypeError(f"{name}: expected tensors, got {type(x).__name__}")
    if not x.needs_grad:
        raise AutogradError(f"{name}: one of the inputs does not require grad")
    return edge_of(x)


def _roots(name: str, tensors: list[Any], grads: Any, create: bool) -> list[tuple[Any, Any]]:
    given = [None] * len(tensors) if grads is None else _listed(grads)
    if len(given) != len(tensors):
        raise ArgumentError(
            f"{name}: one gradient per tensor is required, got {len(given)} for {len(tensors)}"
        )
    roots = []
    for x, g in zip(tensors, given, strict=True):
        if not isinstance(x, TensorBase):
            raise ArgumentTypeError(f"{name}: expected tensors, got {type(x).__name__}")
        if not x.needs_grad:
            raise AutogradError(f"{name}: the tensor does not require grad and has no grad_fn")
        roots.append((edge_of(x), _root_gradient(name, x, g, create)))
    return roots


def _root_gradient(name: str, x: Any, g: Any, create: bool) -> Any:
    if g is None:
        if x.shape.elements != 1:
            raise AutogradError(
                f"{name}: a gradient is required for a tensor of shape {tuple(x.shape)}; "
                "only one element may go without",
                hint="reduce it first, e.g. .sum(), or pass the gradient",
            )
        one = allocate(x.shape, x.dtype, x.device)
        x.device.kernels["fill"][x.dtype](one, value=1)
        return one
    if not isinstance(g, TensorBase):
        raise ArgumentTypeError(f"{name}: a gradient must be a tensor, got {type(g).__name__}")
    if g.shape != x.shape:
        raise ShapeError(f"{name}: the gradient must have shape {tuple(x.shape)}, got {tuple(g.shape)}")
    return g if create else g.detach()


# -- the walk ----------------------------------------------------------------------------------------


def _key(edge: Any) -> Any:
    """Identify where a gradient goes: a leaf by itself, a result by its node and number."""
    if isinstance(edge, Output):
        return (id(edge.node), edge.index)
    return (id(edge), 0)


def _node_of(edge: Any) -> Any:
    return edge.node if edge.__class__ is Output else edge


def _run(
    roots: list[tuple[Any, Any]],
    *,
    keep: bool,
    create: bool,
    leaves: list[Any] | None = None,
    capture: list[Any] | None = None,
) -> dict[Any, Any]:
    """Send gradients from the roots down; return those of `capture`, or accumulate in leaves."""
    wanted = None if leaves is None and capture is None else [_node_of(e) for e in (leaves or capture or ())]
    waiting, useful = _survey([_node_of(e) for e, _ in roots], wanted)
    captured = {} if capture is None else dict.fromkeys(map(_key, capture))
    walk = _Walk(waiting, useful, captured, accumulate=capture is None, keep=keep, create=create)
    before, mode.grad = mode.grad, create
    try:
        walk.start(roots)
        walk.finish()
    finally:
        mode.grad = before
    return captured


class _Walk:
    """One pass over the tape."""

    __slots__ = ("accumulate", "captured", "create", "keep", "own", "pending", "ready", "useful", "waiting")

    def __init__(
        self,
        waiting: dict[Any, int],
        useful: set[Any] | None,
        captured: dict[Any, Any],
        *,
        accumulate: bool,
        keep: bool,
        create: bool,
    ) -> None:
        self.waiting = waiting  # node -> gradients still to come
        self.useful = useful  # nodes that lead to a wanted one; None for all
        self.captured = captured
        self.accumulate = accumulate
        self.keep = keep
        self.create = create
        self.pending: dict[Any, dict[int, Any]] = {}  # node -> result number -> gradient so far
        self.ready: list[tuple[int, Node]] = []  # a heap: the latest recorded first
        self.own: set[tuple[int, int]] = set()  # keys of the pending gradients whose memory the walk made

    def start(self, roots: list[tuple[Any, Any]]) -> None:
        for edge, g in roots:
            if self.useful is None or _node_of(edge) in self.useful:
                self._deliver(edge, g)
        for node in list(self.pending):
            if self.waiting[node] == 0:
                self._arrive(node)

    def finish(self) -> None:  # noqa: PLR0912 - this loop is most of what backward costs in Python
        """Run nodes until none is ready."""
        waiting, useful, pending, ready = self.waiting, self.useful, self.pending, self.ready
        while ready:
            node = heappop(ready)[1]
            slots = pending.pop(node, None)
            edges = node.edges
            if slots is None:
                grads: list[Any] = [None] * len(edges)
            else:
                if node.hooks:
                    _run_node_hooks(node, slots)
                if self.captured:
                    _capture(node, slots, self.captured)
                grads = _input_gradients(node, slots, useful)
            if not self.keep:
                node.saved = node.out = None
                node.release()
            position = 0
            for edge in edges:
                if edge is not None:
                    child = edge.node if edge.__class__ is Output else edge
                    if useful is None or child in useful:
                        g = grads[position]
                        if g is not None:
                            grads[position] = None  # the buffer may then count as the engine's own
                            if edge is child and child not in pending and g.__class__ is not Part:
                                pending[child] = {0: g}
                            else:
                                self._deliver(edge, g)
                            del g
                        left = waiting[child] = waiting[child] - 1
                        if not left:
                            self._arrive(child)
                position += 1  # noqa: SIM113 - quicker than enumerate

    def _deliver(self, edge: Any, g: Any) -> None:
        index, node = (edge.index, edge.node) if edge.__class__ is Output else (0, edge)
        slots = self.pending.setdefault(node, {})
        sum_ = slots.get(index)
        part = g.__class__ is Part
        if sum_ is None:
            slots[index] = g.whole() if part else g
        elif self.create:
            slots[index] = sum_ + g
        elif (id(node), index) in self.own:  # nobody else sees it change
            if part:
                g.add_to(sum_)
            else:
                _add_to(sum_, g)
            return
        elif part:
            slots[index] = whole = g.whole()
            _add_to(whole, sum_)
        else:
            slots[index] = sum_ + g
        if part or sum_ is not None:
            self.own.add((id(node), index))

    def _arrive(self, node: Any) -> None:
        """All gradients of a node are there: a leaf takes them at once, others wait for their turn."""
        if isinstance(node, Node):
            heappush(self.ready, (-node.sequence, node))
            return
        slots = self.pending.pop(node, None)
        if slots is not None:
            _reach_leaf(node, slots, self.captured, accumulate=self.accumulate, create=self.create)


def _add_to(sum_: Any, g: Any) -> None:
    sum_.device.kernels["add"][sum_.dtype](sum_, sum_, g)


def _survey(roots: list[Any], wanted: list[Any] | None) -> tuple[dict[Any, int], set[Any] | None]:
    """Return how many gradients each node waits for, and the nodes that lead to a wanted one."""
    waiting: dict[Any, int] = dict.fromkeys(roots, 0)
    stack = list(waiting)
    while stack:
        node = stack.pop()
        if isinstance(node, Node):
            for edge in node.edges:
                if edge is not None:
                    child = edge.node if edge.__class__ is Output else edge
                    count = waiting.get(child)
                    if count is None:
                        waiting[child] = 1
                        stack.append(child)
                    else:
                        waiting[child] = count + 1
    if wanted is None:
        return waiting, None
    useful = _leading_to(list(waiting), set(wanted))
    counted: dict[Any, int] = dict.fromkeys(waiting, 0)
    for node in useful:
        if isinstance(node, Node):
            for edge in node.edges:
                if edge is not None:
                    counted[_node_of(edge)] += 1
    return counted, useful


def _leading_to(nodes: list[Any], wanted: set[Any]) -> set[Any]:
    """Return the nodes from which a wanted one can be reached (a node is recorded after its inputs)."""
    useful = {n for n in nodes if n in wanted}
    inner = sorted((n for n in nodes if isinstance(n, Node)), key=lambda n: n.sequence)
    for node in inner:
        if any(edge is not None and _node_of(edge) in useful for edge in node.edges):
            useful.add(node)
    return useful


def _input_gradients(node: Node, slots: dict[int, Any], useful: set[Any] | None) -> list[Any]:
    """Return one gradient per input, each of the shape, dtype and device of its input."""
    g = slots[0] if len(node.results) == 1 else tuple([slots.get(i) for i in range(len(node.results))])
    slots.clear()
    edges = node.edges
    if useful is not None:  # compute nothing that nobody asked for
        node.edges = [None if e is None or _node_of(e) not in useful else e for e in edges]
    specs = node.saved
    try:
        grads = node.differentiate(g)
    except Exception as error:
        if node.trace and hasattr(error, "add_note"):
            error.add_note(f"The op was recorded here:\n{node.trace}")
        raise
    finally:
        node.edges = edges
    if len(grads) != len(edges):
        raise AutogradError(
            f"{node.name()}: one gradient per input is required, got {len(grads)} for {len(edges)}"
        )
    for position, found in enumerate(grads):
        if found is not None:
            like = specs[position]  # type: ignore[index]
            if (
                found.shape is not like.shape
                or found.dtype is not like.dtype
                or found.device is not like.device
            ):
                grads[position] = _fitted(node, found, like)
    if settings.anomaly:
        _look_for_nan(node, grads)
    return grads


def _fitted(node: Node, g: Any, like: Spec | TensorBase) -> Any:
    """Undo broadcasting and promotion: bring a gradient to the shape, dtype and device of its input."""
    if g.shape is not like.shape and g.shape != like.shape:
        try:
            g = g.sum_to_size(like.shape) if len(g.shape) >= len(like.shape) else g.expand(like.shape)
        except ShapeError as error:
            raise ShapeError(
                f"{node.name()}: a gradient of shape {tuple(like.shape)} is required, got {tuple(g.shape)}"
            ) from error
        if g.shape != like.shape:
            g = g.expand(like.shape)
    if g.dtype is not like.dtype:
        g = g.to(like.dtype)
    if g.device is not like.device:
        g = g.to(like.device)
    return g


def _look_for_nan(node: Node, grads: Sequence[Any]) -> None:
    for position, g in enumerate(grads):
        if g is not None and bool(g.detach().isnan().any()):
            where = f"\nThe op was recorded here:\n{node.trace}" if node.trace else ""
            raise AutogradError(
                f"backward: {node.name()} returned NaN as the gradient of input {position}{where}"
            )


def _run_node_hooks(node: Node, slots: dict[int, Any]) -> None:
    for index, hooks in (node.hooks or {}).items():
        if index in slots:
            slots[index] = run_hooks(hooks, slots[index])


def run_hooks(hooks: dict[int, Any], g: Any) -> Any:
    """Return the gradient after all hooks; each may return a replacement."""
    for hook in list(hooks.values()):
        replaced = hook(g)
        if replaced is not None:
            if not isinstance(replaced, TensorBase) or replaced.shape != g.shape:
                raise AutogradError(
                    f"hook: a gradient of shape {tuple(g.shape)} or None is required, got {replaced!r}"
                )
            g = replaced
    return g


def _capture(node: Any, slots: dict[int, Any], captured: dict[Any, Any]) -> None:
    if captured:
        for index, g in slots.items():
            if (id(node), index) in captured:
                captured[id(node), index] = g


def _reach_leaf(
    leaf: Any, slots: dict[int, Any], captured: dict[Any, Any], *, accumulate: bool, create: bool
) -> None:
    if leaf.hooks:
        slots[0] = run_hooks(leaf.hooks.get("grad", {}), slots[0])
    if not accumulate:
        key = (id(leaf), 0)
        if key in captured:
            captured[key] = slots[0]
        return
    _accumulate(leaf, slots, create=create)
    if leaf.hooks:
        for hook in list(leaf.hooks.get("accumulated", {}).values()):
            hook(leaf)


def _accumulate(leaf: Any, slots: dict[int, Any], *, create: bool) -> None:
    g = slots.pop(0)
    old = leaf.grad_
    if old is None:
        # another holder could change it in place later, so only a gradient of our own is kept as it is
        own = getrefcount(g) <= _ENGINE_ONLY and getrefcount(g.storage) <= 2 and g.strides is g.shape.strides
        leaf.grad_ = g if own or create else g.clone()
    elif create:
        leaf.grad_ = old + g
    else:
        old.add_(g)
