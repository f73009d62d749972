"""Make wrong calls and report every one that does not end as it should; run by the tests beside it.

    python worker.py SUITE PART PARTS SHARE

A call must work, or raise an error of RusTorch; it must not crash, hang, eat the machine's memory or
change its operands.  This is a process of its own, so that a crash is a result as well: the name of the
call under way is always on disk.
"""

from __future__ import annotations

import faulthandler
import itertools
import json
import random
import re
import resource
import signal
import sys
import time
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import rustorch
from rustorch.base import TensorBase

LIMIT = 6 << 30  # bytes of address space: a call that wants more gets an error, not the machine
SECONDS = 10  # per call
SIGNATURE = re.compile(r"argument")


@dataclass
class Call:
    """A call that works, to be made wrong."""

    name: str
    function: Callable[..., Any]
    build: Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]
    changes: bool = False  # it changes its first operand when it succeeds
    extra: dict[str, Any] = field(default_factory=dict)  # keywords that may be given as well
    method: bool = False  # the first argument is what it is called on, so always a tensor
    allowed: tuple[type[Exception], ...] = ()  # what Python's own protocols raise
    plain: bool = False  # a plain method: Python itself checks the number and names of arguments


def strangers() -> dict[str, Any]:
    """Values of types that no function takes for a tensor, and numbers that nothing can be done with."""
    return {
        "None": None, "text": "abc", "empty text": "", "list": [1, 2], "empty list": [], "nested": [[1.0], ["x"]],
        "dict": {"a": 1}, "object": object(), "array": np.ones((2, 3)), "object array": np.array([None, 1]),
        "number": 1.5, "int": 3, "zero": 0, "minus one": -1, "minus many": -100, "many": 100, "2**40": 1 << 40,
        "2**62": 1 << 62, "2**63": 1 << 63, "huge": 10**30, "nan": float("nan"), "inf": float("inf"),
        "-inf": float("-inf"), "complex": 1j, "True": True, "bytes": b"ab", "type": int, "set": {1}, "slice": slice(2),
        "huge tuple": (1 << 31, 1 << 31, 1 << 31), "negative tuple": (-1, -2), "float tuple": (1.5, 2.5), "zeros": (0, 0),
        "text tuple": ("a", "b"), "function": len, "dtype": rustorch.float16, "device": rustorch.device("reference"),
        "tensor": rustorch.ones(2, 3), "scalar tensor": rustorch.tensor(2), "generator": (i for i in (1, 2)),
    }  # fmt: skip


NAMES = tuple(strangers())
DTYPES = "bool uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64 complex64 complex128".split()


def relatives(x: Any) -> dict[str, Callable[[], Any]]:
    """Makers of tensors that differ from `x` in one thing."""
    found: dict[str, Callable[[], Any]] = {}
    values = x.detach()
    for name in DTYPES:
        if name != x.dtype.name:
            found[f"dtype {name}"] = lambda name=name: values.to(name)
    other = "reference" if x.device.type == "cpu" else "cpu"
    found[f"device {other}"] = lambda: values.to(device=other)
    shape = tuple(x.shape)
    shapes = [(), (0,), (0, 3), (1,), (7,), (2, 3), (5, 4, 3), (1,) * 6, (2,) * 9, (1,) * 40]
    shapes += [(1, *shape), shape[1:], (*shape, 1), (*shape, 2)]
    shapes += [
        (*shape[:i], n + d, *shape[i + 1 :]) for i, n in enumerate(shape) for d in (1, -1) if n + d >= 0
    ]
    for s in shapes:
        if s != shape:
            found[f"shape {s}"] = lambda s=s: rustorch.ones(s, dtype=x.dtype, device=x.device)
    if x.dtype.name == "int64" and x.shape.elements:
        for number in (-1, -100, 100, 2**31 - 1, 2**62, -(2**63)):
            found[f"holding {number}"] = lambda number=number: ending_in(values, number)
    if x.dtype.is_floating_point and x.shape.elements:
        found["nan inside"] = lambda: rustorch.full_like(values, float("nan"))
        found["inf inside"] = lambda: rustorch.full_like(values, float("inf"))
    if shape and x.shape.elements:
        found["expanded"] = lambda: values[:1].expand(shape)
    return found


def ending_in(values: Any, number: int) -> Any:
    """Return a copy whose last element is another."""
    array = values.to_numpy().copy()
    array.reshape(-1)[-1] = number
    return rustorch.tensor(array, device=values.device)


def candidates(old: Any) -> dict[str, Callable[[], Any]]:
    """Makers of everything that may stand where `old` was."""
    found = {what: lambda what=what: strangers()[what] for what in NAMES}
    return found | (relatives(old) if isinstance(old, TensorBase) else {})


# -- where a call can be made wrong ------------------------------------------------------------------

Path_ = tuple[Any, ...]


def places(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Yield every argument and every element of a sequence that is one, with the way there."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for key, part in value.items():
            yield from places(part, (*path, key))
    elif isinstance(value, (list, tuple)) and not isinstance(value, rustorch.Size):
        for i, part in enumerate(value):
            yield from places(part, (*path, i))


def replaced(value: Any, path: Path_, new: Any) -> Any:
    """Return nested sequences with one part replaced."""
    if not path:
        return new
    key, *rest = path
    if isinstance(value, dict):
        return {k: replaced(v, tuple(rest), new) if k == key else v for k, v in value.items()}
    parts = [replaced(v, tuple(rest), new) if i == key else v for i, v in enumerate(value)]
    return type(value)(parts) if type(value) in (list, tuple) else tuple(parts)


def mutations(call: Call, draw: random.Random, share: float) -> Iterator[tuple[str, Any, Any]]:
    """Yield (what is wrong, args, kwargs); each possibility with probability `share`."""
    args, kwargs = call.build()
    for path, old in places({"args": args, "kwargs": kwargs}):
        if len(path) == 1:
            continue
        where = ".".join(map(str, path))
        made = relatives(old) if call.method and path == ("args", 0) else candidates(old)
        for what, make in made.items():
            if draw.random() < share:
                if call.changes:
                    args, kwargs = call.build()
                whole = replaced({"args": args, "kwargs": kwargs}, path, make())
                yield f"{where} = {what}", whole["args"], whole["kwargs"]
    for key, old in call.extra.items():
        for what, make in candidates(old).items():
            if key not in kwargs and draw.random() < share:
                args, kwargs = call.build()
                yield f"{key} = {what}", args, {**kwargs, key: make()}
    args, kwargs = call.build()
    if len(args) > call.method:
        yield "one argument less", args[:-1], kwargs
    if not call.method:
        yield "no arguments", (), {}
    yield "unknown keyword", args, {**kwargs, "no_such_argument": 1}
    yield "nine more arguments", (*args, *range(9)), kwargs
    yield "first argument twice", args, {**kwargs, "input": args[0] if args else None}


# -- one wrong call ----------------------------------------------------------------------------------


class Hang(BaseException):
    """A call took too long; no `except Exception` may swallow it."""


def too_long(_number: int, _frame: Any) -> None:
    raise Hang


def tensors_in(value: Any) -> list[Any]:
    return [v for _, v in places({"all": value}) if isinstance(v, TensorBase)]


def bits(x: Any) -> tuple[Any, ...]:
    return tuple(x.shape), x.dtype.name, np.array(x.to_numpy()).tobytes()


def attempt(call: Call, args: Any, kwargs: Any) -> str:
    """Make one call; return what is wrong with how it ended, or nothing."""
    operands = tensors_in([args, {k: v for k, v in kwargs.items() if k != "out"}])
    before = [bits(x) for x in operands]
    signal.alarm(SECONDS)
    failed = True
    try:
        call.function(*args, **kwargs)
        failed = False
    except (rustorch.RusTorchError, ZeroDivisionError) as error:
        if len(str(error)) > 3000:
            return f"a message of {len(str(error))} characters: {str(error)[:200]}..."
    except Hang:
        return f"took more than {SECONDS} s"
    except Exception as error:  # noqa: BLE001 - any class is a finding
        if not isinstance(error, call.allowed) and not (
            call.plain and type(error) is TypeError and SIGNATURE.search(str(error))
        ):
            last = traceback.extract_tb(error.__traceback__)[-1]
            return f"{type(error).__name__}: {str(error)[:200]} ({Path(last.filename).name}:{last.lineno})"
    finally:
        signal.alarm(0)
    if failed or not call.changes:
        for i, (x, old) in enumerate(zip(operands, before, strict=True)):
            if bits(x) != old:
                return f"changed its operand {i}"
    return ""


def run(calls: Iterator[Call], part: int, parts: int, share: float) -> dict[str, Any]:
    """Make all wrong calls of one part of a suite."""
    found, count, started = [], 0, time.perf_counter()
    progress = Path(sys.argv[5]).open("w")  # noqa: SIM115 - open until the process ends
    for call in itertools.islice(calls, part, None, parts):
        draw = random.Random(zlib.crc32(call.name.encode()))
        for what, args, kwargs in mutations(call, draw, share):
            progress.seek(0)
            progress.write(f"{call.name}: {what}".ljust(300))
            progress.flush()
            count += 1
            wrong = attempt(call, args, kwargs)
            if wrong:
                found.append(f"{call.name}: {what}: {wrong}")
    return {"count": count, "found": found, "seconds": time.perf_counter() - started}


# -- suites ------------------------------------------------------------------------------------------


def main() -> None:
    """Run one part of one suite and print the findings."""
    import suites

    suite, part, parts, share = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    faulthandler.enable()
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    signal.signal(signal.SIGALRM, too_long)
    rustorch.set_num_threads(1)
    rustorch.ones(3).to(device="reference")  # opens both devices before memory is limited
    resource.setrlimit(resource.RLIMIT_AS, (LIMIT, LIMIT))
    report = run(getattr(suites, suite)(), part, parts, share)
    print("REPORT" + json.dumps(report))


if __name__ == "__main__":
    sys.modules["worker"] = sys.modules["__main__"]  # what the suites import
    main()
