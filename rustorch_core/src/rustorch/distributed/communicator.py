"""What a communicator plugin provides, and finding the one for a scheme."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from rustorch.dispatch.opening import plugins
from rustorch.distributed.config import DistributedConfig
from rustorch.errors import MissingPackageError, PluginError


@runtime_checkable
class Communicator(Protocol):
    """Collectives among the processes of a world.  Every process calls the same ones in the same order."""

    rank: int
    world_size: int

    def all_reduce(self, tensor: Any, op: str = "sum") -> None:
        """Replace the tensor, in place, by the sum (``"max"``, ``"min"``) over all processes."""

    def broadcast(self, tensor: Any, src: int) -> None:
        """Replace the tensor, in place, by that of process `src`."""

    def barrier(self) -> None:
        """Wait until every process is here."""

    def close(self) -> None:
        """Leave the world; nothing else may be called after it."""


def connect(config: DistributedConfig) -> Communicator:
    """Return the communicator of a world.

    Raises:
        MissingPackageError: if no installed plugin has one for the scheme; says what to install.
        PluginError: if what the plugin returned is no communicator.
    """
    scheme = config.backend()
    options = {
        "master_addr": config.master_addr(),
        "master_port": config.master_port(),
        "timeout": config.timeout(),
    }
    found = plugins().manager.hook.rustorch_communicator(
        scheme=scheme, rank=config.rank(), world_size=config.world_size(), options=options
    )
    if found is None:
        raise MissingPackageError(
            f"distributed: no plugin provides a communicator for {scheme!r}, "
            f"which a world of {config.world_size()} processes needs",
            hint=f"pip install rustorch[{scheme}], and see `rustorch doctor`",
        )
    if not isinstance(found, Communicator):
        raise PluginError(
            f"distributed: the plugin for {scheme!r} returned {found!r}, which is no communicator"
        )
    return found
