"""Transforms by name: the functions and classes of the documented RusTorch API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rustorch.data.transforms.compose import Compose
from rustorch.data.transforms.geometry import RandomCrop, RandomHorizontalFlip, Resize
from rustorch.data.transforms.values import Normalize
from rustorch.errors import ArgumentError, ArgumentTypeError


def normalize(mean: Any = 0.0, std: Any = 1.0) -> Normalize:
    """Return :class:`Normalize`."""
    return Normalize(mean, std)


def resize(height: int = 224, width: int = 224) -> Resize:
    """Return :class:`Resize` to a height and width."""
    return Resize((height, width))


def random_crop(size: int = 224) -> RandomCrop:
    """Return :class:`RandomCrop` to a square."""
    return RandomCrop(size)


def random_horizontal_flip(p: float = 0.5) -> RandomHorizontalFlip:
    """Return :class:`RandomHorizontalFlip`."""
    return RandomHorizontalFlip(p)


_BY_NAME: dict[str, Callable[..., Any]] = {
    "normalize": normalize,
    "resize": resize,
    "random_crop": random_crop,
    "horizontal_flip": random_horizontal_flip,
    "random_horizontal_flip": random_horizontal_flip,
}


class Transform:
    """A transform by its name and parameters.

    Names: "normalize" (mean=0, std=1), "resize" (height=224, width=224), "random_crop" (size=224),
    "horizontal_flip" (p=0.5).

    >>> import rustorch
    >>> from rustorch.data import Transform
    >>> Transform("normalize", {"mean": 1.0})(rustorch.tensor([1.0, 2.0]))
    tensor([0., 1.])
    """

    def __init__(self, name: str, params: Mapping[str, float] | None = None) -> None:
        if name not in _BY_NAME:
            raise ArgumentError(f"Transform: name must be one of {', '.join(_BY_NAME)}, got {name!r}")
        self.name = name
        self.params = dict(params or {})
        try:
            self._transform = _BY_NAME[name](**self.params)
        except TypeError as error:
            raise ArgumentTypeError(
                f"Transform: {name} has no such parameters, got {self.params} ({error})"
            ) from None

    def __call__(self, x: Any) -> Any:
        """Return the transformed x."""
        return self._transform(x)

    def __repr__(self) -> str:
        return f"Transform({self.name!r}, {self.params})"


class Transforms(Compose):
    """Applies a list of transforms one after another: another name for :class:`Compose`."""
