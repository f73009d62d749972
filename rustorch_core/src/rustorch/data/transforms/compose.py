"""Transforms of transforms, and of nothing in particular."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rustorch.data.transforms import arrays
from rustorch.dtypes import dtype_of
from rustorch.errors import ArgumentTypeError


class Compose:
    """Applies transforms one after another.

    >>> import numpy
    >>> from rustorch.data import transforms
    >>> both = transforms.Compose([transforms.ToTensor(), transforms.Normalize(mean=0.5, std=0.5)])
    >>> both(numpy.full((2, 2, 1), 255, numpy.uint8))
    tensor([[[1., 1.],
             [1., 1.]]])
    """

    transforms: list[Callable[[Any], Any]]

    def __init__(self, transforms: Iterable[Callable[[Any], Any]] = ()) -> None:
        self.transforms = []
        for transform in transforms:
            self.append(transform)

    def __call__(self, x: Any) -> Any:
        """Return what the last transform returns."""
        for transform in self.transforms:
            x = transform(x)
        return x

    def append(self, transform: Callable[[Any], Any]) -> None:
        """Add a transform at the end."""
        if not callable(transform):
            raise ArgumentTypeError(
                f"{type(self).__name__}: transforms must be callable, got {type(transform).__name__}"
            )
        self.transforms.append(transform)

    def __len__(self) -> int:
        return len(self.transforms)

    def __getitem__(self, index: int) -> Callable[[Any], Any]:
        return self.transforms[index]

    def __iter__(self) -> Iterator[Callable[[Any], Any]]:
        return iter(self.transforms)

    def __repr__(self) -> str:
        return f"{type(self).__name__}([{', '.join(map(repr, self.transforms))}])"


class Lambda:
    """Applies a function; give it a name at the top of a module if workers are to use it."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        if not callable(function):
            raise ArgumentTypeError(f"Lambda: a callable is required, got {type(function).__name__}")
        self.function = function

    def __call__(self, x: Any) -> Any:
        """Return ``function(x)``."""
        return self.function(x)

    def __repr__(self) -> str:
        return f"Lambda({getattr(self.function, '__name__', self.function)})"


class ConvertDtype:
    """Converts the elements, without scaling them."""

    def __init__(self, dtype: Any = "float32") -> None:
        self.dtype = dtype_of(dtype)

    def __call__(self, x: Any) -> Any:
        """Return x in the dtype."""
        return arrays.in_dtype(arrays.checked_image("ConvertDtype", x, 0), self.dtype)

    def __repr__(self) -> str:
        return f"ConvertDtype({self.dtype.name})"
