"""The tape: one node per recorded op, and the modes that say whether to record.

Recording belongs to invoking an op and therefore lies below the op table; walking the tape
backwards is the engine's work (:mod:`rustorch.autograd`).
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from rustorch.base import Spec, TensorBase, alias_of, spec_of
from rustorch.base import shared_spec as _spec
from rustorch.errors import AutogradError

if TYPE_CHECKING:
    from rustorch.ops.op import Op


class _Mode(threading.local):
    """Per-thread switches."""

    grad = True
    inference = False


class _Settings:
    """Switches of the whole process."""

    __slots__ = ("anomaly",)

    def __init__(self) -> None:
        self.anomaly = False  # remember where each op was recorded, and stop at NaN


mode = _Mode()
settings = _Settings()
_next_sequence = itertools.count().__next__
_new = object.__new__
Hook = Callable[[Any], Any]


class Output:
    """One of several results of a node."""

    __slots__ = ("index", "node")

    def __init__(self, node: Node, index: int) -> None:
        self.node = node
        self.index = index


class Node:
    """One recorded op: what it needs to turn the gradient of its result into those of its inputs.

    `edges` names, per input, where the gradient goes: the node (or `Output`) that produced the
    input, the input itself if it is a leaf, or None if it needs no gradient.
    """

    # Defaults live on the class, so that recording an op stores only what differs.
    op: Op
    attrs: dict[str, Any] = {}  # noqa: RUF012 - never changed
    edges: Sequence[Any]
    saved: Sequence[Any] | None  # per input the tensor itself, or its Spec
    versions: Sequence[int | None] | None = None  # of the saved inputs; None if none is saved
    results: Sequence[Any]  # Spec per result
    out: Any = None  # an alias of the result (or a tuple), if the derivative uses it
    out_version: Sequence[int]
    hooks: dict[int, Any] | None = None  # {result number: {key: hook}}: run before the derivative
    sequence: int
    trace: str | None = None  # where it was recorded, in anomaly mode

    def name(self) -> str:
        """Return the op's name in the form users of PyTorch know, e.g. ``MulBackward``."""
        return "".join(part.capitalize() for part in self.op.name.split("_")) + "Backward"

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes that the gradients go to, with the number of the result they belong to."""
        return tuple((e.node, e.index) if isinstance(e, Output) else (e, 0) for e in self.edges)

    def __repr__(self) -> str:
        return f"<{self.name()}>"

    def release(self) -> None:
        """Forget the saved tensors."""
        self.saved = None
        self.out = None

    def differentiate(self, g: Any) -> list[Any]:
        """Return the gradient of each input (None where none is wanted) from that of the result."""
        operands = self.operands()
        out = self.results[0] if self.out is None and len(self.results) == 1 else self.result()
        op, edges, attrs = self.op, self.edges, self.attrs
        if op.joint is not None:
            return list(op.joint(g, out, *operands, needs=[e is not None for e in edges], **attrs))
        grads: list[Any] = []
        for edge, rule in zip(edges, op.vjps, strict=True):  # type: ignore[arg-type]
            if edge is None or rule is None:
                grads.append(None)
            elif attrs:
                grads.append(rule(g, out, *operands, **attrs))
            else:
                grads.append(rule(g, out, *operands))
        return grads

    def operands(self) -> Sequence[Any]:
        """Return the saved inputs (a `Spec` where the values were not kept), checking versions."""
        if self.saved is None:
            raise AutogradError(
                f"backward: the tensors saved by {self.name()} were freed when it was differentiated the first time",
                hint="pass retain_graph=True to the first backward() to differentiate the same graph twice",
            )
        position = 0
        for version in self.versions or ():
            if version is not None and self.saved[position].storage.version != version:
                raise _modified(self, self.saved[position], version, f"input {position}")
            position += 1  # noqa: SIM113 - quicker than enumerate
        return self.saved

    def result(self) -> Any:
        """Return the saved result, attached to the graph again so that it can be differentiated twice."""
        if self.out is None:
            return self.results[0] if len(self.results) == 1 else tuple(self.results)
        outs = self.out if isinstance(self.out, tuple) else (self.out,)
        attached = []
        for index, out in enumerate(outs):
            if out.__class__ is Spec:
                attached.append(out)
                continue
            if out.storage.version != self.out_version[index]:
                raise _modified(self, out, self.out_version[index], f"result {index}")
            again = alias_of(out)
            if out.dtype.category >= 2:  # floating point or complex
                again.needs_grad = True
                again.node = self if len(outs) == 1 else Output(self, index)
            attached.append(again)
        return attached[0] if not isinstance(self.out, tuple) else tuple(attached)


def _modified(node: Node, x: TensorBase, version: int, what: str) -> AutogradError:
    where = f"\nThe op was recorded here:\n{node.trace}" if node.trace else ""
    return AutogradError(
        f"backward: {what} of {node.name()}, a {x.dtype.name} tensor of shape {tuple(x.shape)}, was changed by an "
        f"in-place operation after it was saved (version {x.storage.version}, expected {version}){where}",
        hint="use the out-of-place form, clone() first, or find the line with autograd.set_detect_anomaly(True)",
    )


def _stack(own: int) -> str:
    """Return where the caller of the op is, without the `own` innermost frames of the library and this one."""
    import traceback  # only in anomaly mode: it costs start-up time

    return "".join(traceback.format_stack()[: -own - 1])


def edge_of(x: TensorBase) -> Any:
    """Return where the gradient of `x` goes."""
    if not x.needs_grad:
        return None
    base = x.base
    if base is not None and base.epoch != x.epoch and refresh_view is not None:
        refresh_view(x)
    return x if x.node is None else x.node


def note_view(base: TensorBase, view: TensorBase) -> None:
    """Remember that `view` looks at `base`, so that a change of the base's history reaches it."""
    views = base.views
    if views is None:
        views = base.views = []
    elif len(views) > 32 and len(views) & (len(views) - 1) == 0:  # at powers of two, so amortised
        views[:] = [ref for ref in views if ref() is not None]
    views.append(weakref.ref(view))


#: Gives a view whose base was changed in place its new history; set by the autograd layer.
refresh_view: Callable[[TensorBase], None] | None = None


def wants_grad(inputs: Sequence[Any]) -> bool:
    """Return whether an op on these inputs (None allowed) has to be recorded."""
    for x in inputs:
        if x is not None and x.needs_grad:
            return mode.grad
    return False


def record(op: Op, out: Any, inputs: Sequence[Any], attrs: dict[str, Any]) -> Node:
    """Write one op on the tape and attach its result(s) to it."""
    node = make_node(op, out, inputs, attrs)
    if isinstance(out, tuple):
        for index, result in enumerate(out):
            if result.dtype.category >= 2 and index not in op.non_differentiable:
                result.needs_grad = True
                result.node = Output(node, index)
    else:
        out.needs_grad = True
        out.node = node
    return node


def record_pair(op: Op, out: Any, a: Any, b: Any) -> None:
    """Do what `record` does, for two operands of the result's shape, dtype and device, only faster."""
    if a.needs_grad:  # noqa: SIM108 - three conditions in one expression
        a_edge = edge_of(a) if a.base is not None else a if a.node is None else a.node
    else:
        a_edge = None
    if b.needs_grad:  # noqa: SIM108 - the same
        b_edge = edge_of(b) if b.base is not None else b if b.node is None else b.node
    else:
        b_edge = None
    node = _new(Node)
    node.op = op
    node.edges = edges = (a_edge, b_edge)
    node.sequence = _next_sequence()
    spec = _spec(out.shape, out.dtype, out.device)
    node.results = (spec,)
    plan = op.plans.get((a_edge is not None, b_edge is not None)) or op.save_plan(edges)
    if plan is NOTHING_SAVED:
        node.saved = (spec, spec)
    else:
        (keep_a, keep_b), keep_out = plan
        node.saved = (a if keep_a else spec, b if keep_b else spec)
        node.versions = (a.storage.version if keep_a else None, b.storage.version if keep_b else None)
        if keep_out:
            node.out = alias_of(out)
            node.out_version = (out.storage.version,)
    if settings.anomaly:
        node.trace = _stack(2)
    out.needs_grad = True
    out.node = node


#: The plan of a derivative of two operands that needs neither of them nor the result.
NOTHING_SAVED = ((False, False), False)


def make_node(op: Op, out: Any, inputs: Sequence[Any], attrs: dict[str, Any]) -> Node:  # noqa: PLR0912 - one pass over the operands of every recorded op
    """Return the node of an op without attaching anything to it."""
    if op.why_no_gradient is not None:
        raise AutogradError(
            f"{op.name}: cannot be differentiated: {op.why_no_gradient}", hint="call it on x.detach()"
        )
    edges: list[Any] = []
    for x in inputs:
        if x is None or not x.needs_grad:
            edges.append(None)
        elif x.base is not None:
            edges.append(edge_of(x))
        else:
            edges.append(x if x.node is None else x.node)
    save_inputs, save_out = op.save_plan(edges)
    node = _new(Node)
    node.op = op
    node.attrs = attrs
    node.edges = edges
    node.sequence = _next_sequence()
    if settings.anomaly:
        node.trace = _stack(3)
    saved: list[Any] = []
    versions: list[int | None] = []
    for x, keep in zip(inputs, save_inputs, strict=True):
        if keep and x is not None:
            saved.append(x)
            versions.append(x.storage.version)
        else:
            saved.append(None if x is None else _spec(x.shape, x.dtype, x.device))
            versions.append(None)
    node.saved = saved
    node.versions = versions
    if out.__class__ is tuple:
        node.results = [spec_of(o) for o in out]
        if save_out:
            unused = op.unused_results
            node.out = tuple([spec_of(o) if i in unused else alias_of(o) for i, o in enumerate(out)])
        node.out_version = [o.storage.version for o in out]
    else:
        node.results = (spec_of(out),)
        if save_out:
            node.out = alias_of(out)
            node.out_version = (out.storage.version,)
    return node
