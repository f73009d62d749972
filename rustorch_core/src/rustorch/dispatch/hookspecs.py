"""Every hook of RusTorch.  A plugin implements the ones it needs; none is called per op.

An implementation receives only the arguments that it names, so a hook may gain arguments without
breaking plugins.  A misspelt hook or argument is refused when the plugin is registered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pluggy

from rustorch.dispatch.contract import BackendInfo, DeviceInfo, ExpectedFailure, Kernel, Runtime

PROJECT = "rustorch"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def rustorch_backends() -> Iterable[BackendInfo]:
    """Return the backends that this plugin brings.  Must not import a driver."""


@hookspec(firstresult=True)
def rustorch_open(name: str, ordinal: int) -> Runtime | None:
    """Open device `ordinal` of backend `name` and return its runtime; None if it is not yours.

    Called on first use.  Raise :class:`rustorch.DeviceError` with a hint if it cannot be opened.
    """


@hookspec
def rustorch_kernels(name: str, info: DeviceInfo) -> Iterable[Kernel]:
    """Return kernels for backend `name`; any plugin may answer for any backend (an override)."""


@hookspec(firstresult=True)
def rustorch_communicator(scheme: str, rank: int, world_size: int, options: dict[str, Any]) -> Any:
    """Return a communicator for `scheme` ("mpi", "nccl", ...); None if it is not yours."""


@hookspec
def rustorch_expected_failures(name: str) -> Iterable[ExpectedFailure]:
    """Return the known shortfalls of backend `name`, for the conformance suite."""


@hookspec
def rustorch_observers() -> Iterable[Any]:
    """Return observers (see :mod:`rustorch.dispatch.observers`) to install from the start."""
