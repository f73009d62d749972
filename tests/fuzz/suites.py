"""Calls that work, of every kind; `worker` makes them wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import rustorch
from rustorch import ops
from rustorch.testing.cases import Case, cases
from worker import Call


def _built(case: Case, device: str) -> Any:
    return lambda: case.build(device, "float32")


def functions(device: str = "cpu") -> Iterator[Call]:
    """Every public function, its in-place form and its ``out=``."""
    for case in cases():
        entry = case.function
        name = f"{case.name} on {device}"
        changes = entry.name.endswith("_") or entry.name in ("batch_norm", "instance_norm")
        extra: dict[str, Any] = {"out": rustorch.ones(3, 5, device=device)} if entry.elementwise else {}
        yield Call(name, entry.function, _built(case, device), changes, extra, plain=entry.elementwise)
        if entry.inplace is not None:
            yield Call(f"{name} in place", entry.inplace, _built(case, device), changes=True, plain=True)


def functions_on_reference() -> Iterator[Call]:
    """The same on the other backend."""
    return functions("reference")


def without_samples() -> Iterator[Call]:
    """Public functions that are sampled by hand, because they take data."""
    data = {
        "tensor": ([[1, 2], [3, 4]],),
        "as_tensor": ([1.5, 2.5],),
    }
    for name, args in data.items():
        entry = ops.functions[name]
        yield Call(name, entry.function, lambda args=args: (args, {}), extra={"dtype": 1, "device": 1})


#: Functions of the list below whose first argument is no tensor.
_FREE = {"Tensor", "device", "manual_seed", "set_default_dtype", "Size", "from_numpy", "from_dlpack", "memory_stats",
         "synchronize", "set_num_threads", "autograd.backward", "gradient"}  # fmt: skip
#: Python and NumPy answer where a tensor says that it does not know the other operand.
_PROTOCOLS = {
    "add operator": (TypeError, ValueError), "matmul operator": (TypeError, ValueError),
    "iadd operator": (TypeError, ValueError), "int": (ValueError, OverflowError, TypeError), "len": (TypeError,),
}  # fmt: skip


def methods(device: str = "cpu") -> Iterator[Call]:
    """What a tensor has beside the public functions."""

    def x(*shape: int) -> Any:
        return rustorch.ones(shape, device=device)

    def leaf() -> Any:
        return rustorch.ones(2, 3, device=device, requires_grad=True)

    tensor = rustorch.Tensor
    calls: dict[str, tuple[Any, Any, bool]] = {
        "view": (tensor.view, lambda: (x(2, 3), 3, 2), False),
        "view dtype": (tensor.view, lambda: (x(2, 3), rustorch.int32), False),
        "to": (tensor.to, lambda: (x(2, 3), "float64"), False),
        "to device": (tensor.to, lambda: (x(2, 3), "reference", "float16"), False),
        "type": (tensor.type, lambda: (x(2), "int8"), False),
        "type_as": (tensor.type_as, lambda: (x(2), x(2)), False),
        "item": (tensor.item, lambda: (x(1),), False),
        "tolist": (tensor.tolist, lambda: (x(2, 2),), False),
        "size": (tensor.size, lambda: (x(2, 3), 0), False),
        "stride": (tensor.stride, lambda: (x(2, 3), 0), False),
        "getitem": (tensor.__getitem__, lambda: (x(4, 5), (1, slice(1, 3))), False),
        "getitem index": (tensor.__getitem__, lambda: (x(4, 5), rustorch.tensor([0, 3], device=device)), False),
        "getitem pair": (tensor.__getitem__, lambda: (x(4, 5), (rustorch.tensor([0, 3], device=device), [1, 2])), False),
        "getitem mask": (tensor.__getitem__, lambda: (x(4, 5), x(4, 5) > 0), False),
        "getitem parts": (tensor.__getitem__, lambda: (x(4, 5, 6), (None, 1, ..., [0, 1])), False),
        "setitem": (tensor.__setitem__, lambda: (x(4, 5), (1, slice(1, 3)), 2.0), True),
        "setitem index": (tensor.__setitem__, lambda: (x(4, 5), rustorch.tensor([0, 3], device=device), x(2, 5)), True),
        "setitem mask": (tensor.__setitem__, lambda: (x(4, 5), x(4, 5) > 0, 3), True),
        "copy_": (tensor.copy_, lambda: (x(2, 3), x(3)), True),
        "fill_": (tensor.fill_, lambda: (x(2, 3), 2), True),
        "zero_": (tensor.zero_, lambda: (x(2, 3),), True),
        "clamp_": (tensor.clamp_, lambda: (x(2, 3), 0, 1), True),
        "masked_fill_": (tensor.masked_fill_, lambda: (x(2, 3), x(2, 3) > 0, 1.0), True),
        "index_add_": (tensor.index_add_, lambda: (x(4, 3), 0, rustorch.tensor([1, 2], device=device), x(2, 3)), True),
        "requires_grad_": (tensor.requires_grad_, lambda: (x(2), True), True),
        "backward": (tensor.backward, lambda: (leaf() * 2, x(2, 3)), True),
        "backward inputs": (lambda t, **k: (t * 2).sum().backward(**k), lambda: (leaf(),), True),
        "set grad": (lambda t, g: setattr(t, "grad", g), lambda: (leaf(), x(2, 3)), True),
        "set data": (lambda t, g: setattr(t, "data", g), lambda: (leaf(), x(2, 3)), True),
        "register_hook": (tensor.register_hook, lambda: (leaf(), len), True),
        "retain_grad": (tensor.retain_grad, lambda: (leaf(),), True),
        "detach": (tensor.detach, lambda: (leaf(),), False),
        "max": (tensor.max, lambda: (x(2, 3), 1), False),
        "where": (tensor.where, lambda: (x(2, 3), x(2, 3) > 0, x(2, 3)), False),
        "unfold": (tensor.unfold, lambda: (x(2, 7), 1, 3, 2), False),
        "new_tensor": (tensor.new_tensor, lambda: (x(2), [1, 2]), False),
        "new_zeros": (tensor.new_zeros, lambda: (x(2), 2, 3), False),
        "new_full": (tensor.new_full, lambda: (x(2), (2, 3), 1), False),
        "new_arange": (tensor.new_arange, lambda: (x(2), 5), False),
        "len": (len, lambda: (x(2),), False),
        "int": (int, lambda: (x(1),), False),
        "Tensor": (tensor, lambda: ([1, 2],), False),
        "gradient": (rustorch.autograd.grad, lambda: (*(lambda t: ((t * 2).sum(), t))(leaf()),), False),
        "autograd.backward": (rustorch.autograd.backward, lambda: ([leaf() * 2], [x(2, 3)]), True),
        "set_num_threads": (lambda n: (rustorch.set_num_threads(n), rustorch.set_num_threads(1)), lambda: (2,), False),
        "device": (rustorch.device, lambda: ("cpu", 0), False),
        "manual_seed": (rustorch.manual_seed, lambda: (3,), False),
        "set_default_dtype": (lambda d: (rustorch.set_default_dtype(d), rustorch.set_default_dtype("float32")),
                              lambda: ("float64",), False),
        "Size": (rustorch.Size, lambda: ((2, 3),), False),
        "from_numpy": (rustorch.from_numpy, lambda: (__import__("numpy").ones(3),), False),
        "from_dlpack": (rustorch.from_dlpack, lambda: (x(3),), False),
        "memory_stats": (rustorch.memory_stats, lambda: ("cpu",), False),
        "synchronize": (rustorch.synchronize, lambda: ("cpu",), False),
        "add operator": (lambda a, b: a + b, lambda: (x(2), x(2)), False),
        "matmul operator": (lambda a, b: a @ b, lambda: (x(2, 3), x(3, 2)), False),
        "iadd operator": (__import__("operator").iadd, lambda: (x(2), x(2)), True),
    }  # fmt: skip
    for name, (function, build, changes) in calls.items():
        yield Call(name, function, lambda build=build: (build(), {}), changes, {"dtype": 1}, name not in _FREE, _PROTOCOLS.get(name, ()), plain=True)
