"""One call of one op as a record that can be kept, run again and stored in files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rustorch.device import Device, as_device
from rustorch.dtypes import dtype_of
from rustorch.errors import ArgumentError, SerializationError
from rustorch.hardware.memory import made

_FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """An operand or result: where its elements lie, and their values where they were kept."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]  # in elements
    offset: int
    dtype: str
    values: np.ndarray[Any, Any] | None = None
    same_as_result: int | None = None  # the input is this result, which the op changes in place

    def __str__(self) -> str:
        layout = "" if self.strides == _contiguous(self.shape) else f" with strides {self.strides}"
        return f"{self.dtype} {self.shape}{layout}{', in place' if self.same_as_result is not None else ''}"


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """A call of the op's kernel: dispatch dtype, results, inputs with their values, attributes."""

    op: str
    dtype: str
    outs: tuple[Operand | None, ...]
    inputs: tuple[Operand | None, ...]
    attrs: dict[str, Any]
    several: bool  # the op has several results: its kernels get a tuple

    def build(self, device: Device | str) -> tuple[Any, tuple[Any, ...]]:
        """Return fresh (out, inputs) on a device, with the elements in the places that they had."""
        where = as_device(device)
        outs = tuple(None if o is None else _made(o, where) for o in self.outs)
        inputs = tuple(
            None if x is None
            else outs[x.same_as_result] if x.same_as_result is not None
            else _made(x, where)
            for x in self.inputs
        )  # fmt: skip
        return (outs if self.several else outs[0]), inputs

    def __str__(self) -> str:
        inputs = ", ".join("None" if x is None else str(x) for x in self.inputs)
        attrs = "".join(f", {name}={value!r}" for name, value in self.attrs.items())
        outs = ", ".join("None" if o is None else str(o) for o in self.outs)
        return f"{self.op}({inputs}{attrs}) -> {outs}"

    # -- files -------------------------------------------------------------------------------------

    def save(self, path: str | Path, facts: dict[str, Any] | None = None) -> tuple[Path, Path]:
        """Write ``path.npz`` with the values and ``path.json`` with everything else; return both paths.

        Args:
            path: without or with the suffix ``.npz``.
            facts: further plain data for the JSON file.
        """
        values, record = _files(path)
        arrays: dict[str, Any] = {}
        described = {
            kind: [_described(x, f"{kind}{i}", arrays) for i, x in enumerate(operands)]
            for kind, operands in (("out", self.outs), ("input", self.inputs))
        }
        np.savez(values, **arrays)
        content = {
            "format": _FORMAT,
            "op": self.op,
            "dtype": self.dtype,
            "several": self.several,
            "attrs": _plain(self.attrs),
            **described,
            **(facts or {}),
        }
        record.write_text(json.dumps(content, indent=1, default=str), "utf-8")
        return values, record

    @classmethod
    def load(cls, path: str | Path) -> Call:
        """Return a call from its two files.

        Raises:
            SerializationError: if they do not hold one.
        """
        values, record = _files(path)
        try:
            content = json.loads(record.read_text("utf-8"))
            with np.load(values) as arrays:
                outs, inputs = (
                    tuple(_restored(x, arrays) for x in content[kind]) for kind in ("out", "input")
                )
            return cls(
                content["op"], content["dtype"], outs, inputs, _unplain(content["attrs"]), content["several"]
            )
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise SerializationError(
                f"Call.load: {values} and {record} do not hold a call: {type(error).__name__}: {error}"
            ) from error


def is_same(o: Any, x: Any) -> bool:
    """Return whether two operands are the same elements in the same order."""
    if o is None or x is None:
        return False
    return o is x or (
        o.storage is x.storage
        and o.offset == x.offset
        and o.dtype is x.dtype
        and tuple(o.shape) == tuple(x.shape)
        and tuple(o.strides) == tuple(x.strides)
    )


def operand_of(
    x: Any, values: np.ndarray[Any, Any] | None = None, same_as_result: int | None = None
) -> Operand:
    """Return the record of an operand with these values."""
    return Operand(tuple(x.shape), tuple(x.strides), x.offset, x.dtype.name, values, same_as_result)


def _made(x: Operand, device: Device) -> Any:
    dtype = dtype_of(x.dtype)
    values = np.zeros(x.shape, dtype.numpy) if x.values is None else x.values
    below = -sum((n - 1) * s for n, s in zip(x.shape, x.strides, strict=True) if s < 0 and n)
    return made(values, dtype, device, x.strides, (x.offset - below) % 64)  # as aligned as it was


def listed(out: Any) -> tuple[Any, ...]:
    """Return the results of an op as a tuple."""
    return out if isinstance(out, tuple) else (out,)


def _contiguous(shape: tuple[int, ...]) -> tuple[int, ...]:
    steps, step = [], 1
    for n in reversed(shape):
        steps.append(step)
        step *= max(n, 1)
    return tuple(reversed(steps))


def _files(path: str | Path) -> tuple[Path, Path]:
    stem = Path(path)
    if stem.suffix in (".npz", ".json"):
        stem = stem.with_suffix("")
    return stem.with_name(stem.name + ".npz"), stem.with_name(stem.name + ".json")


def _described(x: Operand | None, name: str, arrays: dict[str, Any]) -> dict[str, Any] | None:
    if x is None:
        return None
    if x.values is not None:  # as bytes: a file of NumPy's knows no bfloat16
        arrays[name] = np.frombuffer(np.ascontiguousarray(x.values).tobytes(), np.uint8)
    return {
        "shape": x.shape,
        "strides": x.strides,
        "offset": x.offset,
        "dtype": x.dtype,
        "same_as_result": x.same_as_result,
        "values": name if x.values is not None else None,
    }


def _restored(facts: dict[str, Any] | None, arrays: Any) -> Operand | None:
    if facts is None:
        return None
    shape, strides = tuple(facts["shape"]), tuple(facts["strides"])
    name, dtype = facts["values"], facts["dtype"]
    values = None if name is None else arrays[name].view(dtype_of(dtype).numpy).reshape(shape)
    return Operand(shape, strides, facts["offset"], dtype, values, facts["same_as_result"])


def _plain(value: Any) -> Any:
    """Return attributes as JSON has them; tuples and complex numbers are marked."""
    if isinstance(value, dict):
        return {name: _plain(v) for name, v in value.items()}
    if isinstance(value, (tuple, list)):
        return {"tuple": [_plain(v) for v in value]}
    if isinstance(value, complex):
        return {"complex": [repr(value.real), repr(value.imag)]}
    if isinstance(value, float):
        return {"float": repr(value)}  # JSON has no infinity
    if value is None or isinstance(value, (bool, int, str)):
        return value
    raise ArgumentError(f"Call.save: an attribute of type {type(value).__name__} cannot be stored")


def _unplain(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value.keys() == {"tuple"}:
        return tuple(_unplain(v) for v in value["tuple"])
    if value.keys() == {"complex"}:
        return complex(*map(float, value["complex"]))
    if value.keys() == {"float"}:
        return float(value["float"])
    return {name: _unplain(v) for name, v in value.items()}
