"""The tape: one node per recorded op, and the modes that say whether to record.

Recording belongs to invoking an op and therefore lies below the op table; walking the tape
backwards is the engine's work (:mod:`rustorch.autograd`).  Nodes are made in C (``csrc/tape.c``).
"""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from rustorch._fastpath import bind_tape, make_node, mode, record, wants_grad
from rustorch.base import Spec, TensorBase, alias_of
from rustorch.errors import AutogradError

if TYPE_CHECKING:
    from rustorch.ops.op import Op


class _Settings:
    """Switches of the whole process."""

    __slots__ = ("anomaly",)

    def __init__(self) -> None:
        self.anomaly = False  # remember where each op was recorded, and stop at NaN


settings = _Settings()
next_sequence = itertools.count().__next__
Hook = Callable[[Any], Any]

__all__ = [
    "Hook",
    "Node",
    "Output",
    "edge_of",
    "make_node",
    "mode",
    "next_sequence",
    "note_view",
    "record",
    "settings",
    "wants_grad",
]


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

    __slots__ = (
        "__weakref__",
        "attrs",
        "edges",
        "hooks",  # {result number: {key: hook}}: run before the derivative
        "op",
        "out",  # an alias of the result (or a tuple), if the derivative uses it
        "out_version",
        "results",  # Spec per result
        "saved",  # per input the tensor itself, or its Spec
        "sequence",
        "trace",  # where it was recorded, in anomaly mode
        "versions",  # of the saved inputs; None if none is saved
    )

    op: Op
    attrs: dict[str, Any]
    edges: Sequence[Any]
    saved: Sequence[Any] | None
    versions: Sequence[int | None] | None
    results: Sequence[Any]
    out: Any
    out_version: Any  # per result; None if the derivative does not use it
    hooks: dict[int, Any] | None
    sequence: int
    trace: str | None

    def __init__(self, op: Op, attrs: dict[str, Any]) -> None:
        """Make a node that saves nothing; those of ops are made by `make_node`."""
        self.op = op
        self.attrs = attrs
        self.sequence = next_sequence()
        self.versions = self.hooks = self.trace = None
        self.out = self.out_version = None

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


def _stack() -> str:
    """Return where the caller is: the call of the op."""
    import traceback  # only in anomaly mode: it costs start-up time

    return "".join(traceback.format_stack()[:-1])


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


def _refuse(op: Op, why: str) -> NoReturn:
    raise AutogradError(f"{op.name}: cannot be differentiated: {why}", hint="call it on x.detach()")


bind_tape(Node, Output, settings, next_sequence, edge_of, _refuse, _stack)
