"""Printing tensors as PyTorch does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rustorch import dtypes
from rustorch.errors import ArgumentError


class _Options:
    precision = 4
    threshold = 1000
    edgeitems = 3
    linewidth = 80
    sci_mode: bool | None = None


_options = _Options()


def set_printoptions(
    *,
    precision: int | None = None,
    threshold: int | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors are printed.

    Args:
        precision: digits after the point (4).
        threshold: above so many elements only the edges are shown (1000).
        edgeitems: how many at each edge (3).
        linewidth: characters a line (80).
        sci_mode: scientific notation always, never, or where it helps (None).
    """
    for name, value in (
        ("precision", precision),
        ("threshold", threshold),
        ("edgeitems", edgeitems),
        ("linewidth", linewidth),
    ):
        if value is not None:
            if value < 0:
                raise ArgumentError(f"set_printoptions: {name} must not be negative, got {value}")
            setattr(_options, name, value)
    _options.sci_mode = sci_mode


def text_of(x: Any) -> str:
    """Return the text of a tensor: values, then what is not the default."""
    prefix = f"{type(x).__name__} containing:\ntensor(" if type(x).__name__ == "Parameter" else "tensor("
    suffixes = []
    from rustorch.device import get_default_device

    if x.device is not get_default_device():
        suffixes.append(f"device='{x.device}'")
    is_default = x.dtype in (dtypes.get_default_dtype(), dtypes.int64, dtypes.bool_)
    if x.shape.elements == 0:
        body = "[]"
        if len(x.shape) != 1:
            suffixes.append(f"size={tuple(x.shape)}")
        is_default = x.dtype is dtypes.get_default_dtype()
    else:
        body = _Formatter(x).text()
    if not is_default:
        suffixes.append(f"dtype={x.dtype}")
    if x.node is not None:
        suffixes.append(f"grad_fn=<{x.grad_fn.name()}>")
    elif x.needs_grad:
        suffixes.append("requires_grad=True")
    return prefix + ", ".join([body, *suffixes]) + ")"


class _Formatter:
    """Chooses one width and notation for all shown elements of a tensor."""

    def __init__(self, x: Any) -> None:
        values = x.detach().numpy(force=True)
        if x.dtype is dtypes.bfloat16 or x.dtype is dtypes.float16:
            values = values.astype(np.float32)
        self.summarize = values.size > _options.threshold
        self.values = values
        shown = self._edges(values).ravel()
        self.floating = values.dtype.kind == "f"
        self.complex = values.dtype.kind == "c"
        if self.complex:
            parts = [
                self._notation(shown.real.astype(np.float64)),
                self._notation(shown.imag.astype(np.float64)),
            ]
            self.parts = parts
            self.width = 0
        elif self.floating:
            self.style = self._notation(shown.astype(np.float64))
            self.width = max(len(self._number(v, self.style)) for v in shown)
        else:
            self.width = max(len(str(v)) for v in shown.tolist())

    def text(self) -> str:
        return self._block(self.values, indent=7)

    def _edges(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        if not self.summarize:
            return values
        edge = _options.edgeitems
        for axis in range(values.ndim):
            if values.shape[axis] > 2 * edge:
                picks = [*range(edge), *range(values.shape[axis] - edge, values.shape[axis])]
                values = values.take(picks, axis)
        return values

    def _notation(self, shown: np.ndarray[Any, Any]) -> tuple[bool, bool]:
        """Return (whole numbers only, scientific)."""
        finite = np.abs(shown[np.isfinite(shown) & (shown != 0)])
        if finite.size == 0:
            return True, False
        low, high = float(finite.min()), float(finite.max())
        whole = bool(np.all(finite == np.ceil(finite)))
        scientific = high / low > 1000.0 or high > 1.0e8 or (not whole and low < 1.0e-4)
        if whole:
            scientific = high / low > 1000.0 or high > 1.0e8
        if _options.sci_mode is not None:
            scientific = _options.sci_mode
        return whole, scientific

    def _number(self, value: Any, style: tuple[bool, bool]) -> str:
        whole, scientific = style
        value = float(value)
        if scientific:
            return f"{value:.{_options.precision}e}"
        if whole:
            return f"{value:.0f}." if math.isfinite(value) else f"{value:.0f}"
        return f"{value:.{_options.precision}f}"

    def _element(self, value: Any) -> str:
        if self.complex:
            real, imag = self._number(value.real, self.parts[0]), self._number(abs(value.imag), self.parts[1])
            return f"{real}{'-' if value.imag < 0 else '+'}{imag}j"
        text = self._number(value, self.style) if self.floating else str(value)
        return text.rjust(self.width)

    def _block(self, values: np.ndarray[Any, Any], indent: int) -> str:
        if values.ndim == 0:
            return self._element(values.item() if not self.complex else values[()])
        edge = _options.edgeitems
        cut = self.summarize and values.shape[0] > 2 * edge
        items = [*values[:edge], *values[-edge:]] if cut else list(values)
        if values.ndim == 1:
            cells = [self._element(v) for v in (np.asarray(items).tolist() if not self.complex else items)]
            if cut:
                cells.insert(edge, " ...")
            per_line = max(1, (_options.linewidth - indent) // (max(map(len, cells)) + 2))
            lines = [", ".join(cells[i : i + per_line]) for i in range(0, len(cells), per_line)]
            return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"
        blocks = [self._block(v, indent + 1) for v in items]
        if cut:
            blocks.insert(edge, "...")
        gap = "," + "\n" * (values.ndim - 1) + " " * (indent + 1)
        return "[" + gap.join(blocks) + "]"
