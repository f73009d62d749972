"""Cases of one op, found without running the samples of all functions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from rustorch import ops
from rustorch.device import Device
from rustorch.dispatch import registry
from rustorch.testing.cases import Case, cases
from rustorch.testing.op_cases import OPTIMIZERS, OpCase, harvested

#: So many cases of an op are enough to stop looking among functions that have nothing to do with it by name.
_ENOUGH = 6
#: Functions that reach ops whose names do not show it.
_RANDOM = {
    "random_bits": frozenset({"randint"}),
    "random_uniform": frozenset({"rand", "dropout"}),
    "random_normal": frozenset({"randn"}),
}


@cache
def likely_cases(op: str, device: Device) -> list[OpCase]:
    """Return cases of an op, in the form of :func:`rustorch.testing.op_cases.op_cases` and usually fewer.

    The samples of functions that share a name with the op, or with an op that belongs to it, come first;
    the others only if those do not reach it.

    Args:
        op: name of the op.
        device: where the samples run; it must have float64.
    """
    if op.endswith("_step"):
        return harvested((), OPTIMIZERS, device).get(op, [])
    names = registry.group_of(op)
    near = {
        f for f in ops.functions if any(f == n or f"_{f}_" in f"_{n}_" or f"_{n}_" in f"_{f}_" for n in names)
    }
    near |= _RANDOM.get(op, frozenset())
    found = harvested(_samples(near), None, device).get(op, [])
    if found:
        return found
    for name in sorted(ops.functions.keys() - near):
        found = [*found, *harvested(_samples({name}), None, device).get(op, [])]
        if len(found) >= _ENOUGH:
            break
    return found


def _samples(functions: set[str]) -> Iterator[Case]:
    return (case for case in cases() if case.function.name in functions)
