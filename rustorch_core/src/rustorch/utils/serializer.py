"""Classes over the functions of this package: ``ModelSerializer``, and ``ModelComparator``."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from rustorch.base import TensorBase
from rustorch.errors import ArgumentError, SerializationError
from rustorch.utils.model_files import load_model, save_model
from rustorch.utils.storing import read_content, save

Path = str | os.PathLike[str]


class ModelSerializer:
    """Saves, loads and describes models; every method is also a function of this package.

    >>> import rustorch
    >>> rustorch.utils.ModelSerializer.save(rustorch.nn.Linear(2, 3), "linear.rustorch")
    >>> rustorch.utils.ModelSerializer.get_model_info("linear.rustorch")["parameters"]
    9
    """

    save = staticmethod(save_model)
    load = staticmethod(load_model)

    @staticmethod
    def get_model_info(path: Path) -> dict[str, Any]:
        """Return what a model file holds, without making the model.

        Returns:
            ``class``, ``parameters`` (how many numbers), ``bytes``, ``tensors`` (dtype and shape by
            name) and ``needs_instance`` (whether ``load`` needs one).
        """
        kind, content = read_content(path)
        if kind != "model" or not isinstance(content, dict) or not isinstance(content.get("state"), dict):
            raise SerializationError(f"get_model_info: {path} holds no model")
        tensors = {name: x for name, x in content["state"].items() if isinstance(x, TensorBase)}
        return {
            "class": content.get("class"),
            "parameters": sum(x.shape.elements for x in tensors.values()),
            "bytes": sum(x.shape.elements * x.dtype.itemsize for x in tensors.values()),
            "tensors": {name: (x.dtype.name, tuple(x.shape)) for name, x in tensors.items()},
            "needs_instance": content.get("description") is None,
        }

    @staticmethod
    def export(model: Any, path: Path, format: str = "rustorch") -> None:
        """Write a model for RusTorch (``"rustorch"``), or its weights for other software (``"safetensors"``).

        Raises:
            ArgumentError: for any other format; says what reads these two.
        """
        if format == "rustorch":
            save_model(model, path)
        elif format == "safetensors":
            save(dict(model.state_dict()), path)
        else:
            hints = {
                "pytorch": "PyTorch reads 'safetensors': pip install safetensors, safetensors.torch.load_file"
            }
            raise ArgumentError(
                f"export: the format must be 'rustorch' or 'safetensors', got {format!r}",
                hint=hints.get(format, ""),
            )


class ModelComparator:
    """Compares the weights of two models.

    >>> import rustorch
    >>> layer = rustorch.nn.Linear(2, 3)
    >>> rustorch.utils.ModelComparator().compare(layer, layer)["equal"]
    True
    """

    def __init__(self) -> None:
        self._stats: dict[str, Any] = {}

    def compare(self, first: Any, second: Any) -> dict[str, Any]:
        """Return how two models differ.

        Returns:
            ``equal``, ``greatest_difference`` over all common tensors of equal shape, ``differences``
            (the greatest by name), ``shapes`` (pairs by name, where they differ), ``only_first`` and
            ``only_second`` (names).
        """
        a, b = first.state_dict(), second.state_dict()
        common = [name for name in a if name in b and isinstance(a[name], TensorBase)]
        shapes = {n: (tuple(a[n].shape), tuple(b[n].shape)) for n in common if a[n].shape != b[n].shape}
        differences = {name: _difference(a[name], b[name]) for name in common if name not in shapes}
        greatest = max(differences.values(), default=0.0)
        self._stats = {
            "equal": not shapes and a.keys() == b.keys() and greatest == 0,
            "greatest_difference": greatest,
            "differences": differences,
            "shapes": shapes,
            "only_first": sorted(a.keys() - b.keys()),
            "only_second": sorted(b.keys() - a.keys()),
        }
        return self.get_stats()

    def get_stats(self) -> dict[str, Any]:
        """Return the last comparison; empty before the first."""
        return dict(self._stats)


def _difference(a: Any, b: Any) -> float:
    x, y = (np.asarray(t.detach().numpy(force=True)).astype(np.complex128) for t in (a, b))
    with np.errstate(invalid="ignore"):
        apart = np.where(x == y, 0.0, np.abs(x - y))
    return float(
        np.where(np.isnan(x) & np.isnan(y), 0.0, np.where(np.isnan(apart), np.inf, apart)).max(initial=0.0)
    )
