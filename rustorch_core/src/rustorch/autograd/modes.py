"""Whether operations are recorded."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from rustorch.tape import mode, settings

F = TypeVar("F", bound=Callable[..., Any])


class _Switch:
    """A context manager and decorator that sets modes and puts them back."""

    def __init__(self, **values: bool) -> None:
        self._values = values
        self._before: list[dict[str, bool]] = []

    def __enter__(self) -> _Switch:
        self._before.append({name: getattr(mode, name) for name in self._values})
        for name, value in self._values.items():
            setattr(mode, name, value)
        return self

    def __exit__(self, *_exc: object) -> None:
        for name, value in self._before.pop().items():
            setattr(mode, name, value)

    def __call__(self, function: F) -> F:
        values = self._values

        if inspect.isgeneratorfunction(function):

            @functools.wraps(function)
            def steps(*args: Any, **kwargs: Any) -> Any:
                running = function(*args, **kwargs)
                while True:
                    with _Switch(**values):
                        try:
                            item = next(running)
                        except StopIteration as stop:
                            return stop.value
                    yield item

            return steps  # type: ignore[return-value]

        @functools.wraps(function)
        def switched(*args: Any, **kwargs: Any) -> Any:
            with _Switch(**values):
                return function(*args, **kwargs)

        return switched  # type: ignore[return-value]


def no_grad(function: Any = None) -> Any:
    """Record nothing inside the block or decorated function.

    >>> import rustorch
    >>> x = rustorch.ones(2, requires_grad=True)
    >>> with rustorch.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """
    switch = _Switch(grad=False)
    return switch if function is None else switch(function)


def enable_grad(function: Any = None) -> Any:
    """Record again, inside a ``no_grad`` block."""
    switch = _Switch(grad=True)
    return switch if function is None else switch(function)


def inference_mode(mode: Any = True) -> Any:
    """Record nothing, and promise that the results are never used by autograd later."""
    if callable(mode):
        return _Switch(grad=False, inference=True)(mode)
    return _Switch(grad=not mode, inference=bool(mode))


class set_grad_enabled(_Switch):  # noqa: N801 - PyTorch's name
    """Switch recording on or off, at once; as a ``with`` block, until its end."""

    def __init__(self, mode: bool) -> None:
        super().__init__(grad=bool(mode))
        super().__enter__()

    def __enter__(self) -> _Switch:
        return self


def is_grad_enabled() -> bool:
    """Return whether operations are recorded in this thread."""
    return mode.grad


def is_inference_mode_enabled() -> bool:
    """Return whether this thread is in inference mode."""
    return mode.inference


class set_detect_anomaly:  # noqa: N801 - PyTorch's name
    """Remember for every op where it was recorded, and stop backward at the first NaN.

    Holds from the call on; as a context manager, until the end of the ``with`` block.
    """

    def __init__(self, mode: bool) -> None:
        self._before = settings.anomaly
        settings.anomaly = bool(mode)

    def __enter__(self) -> None:
        """Leave the mode as the call set it."""

    def __exit__(self, *_error: object) -> None:
        settings.anomaly = self._before


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Turn anomaly mode on in a ``with`` block; see :func:`set_detect_anomaly`."""
    before, settings.anomaly = settings.anomaly, True
    try:
        yield
    finally:
        settings.anomaly = before
