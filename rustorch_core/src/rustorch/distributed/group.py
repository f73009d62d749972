"""The process group: the world that this process has joined."""

from __future__ import annotations

from typing import NamedTuple

from rustorch.dispatch.opening import plugins
from rustorch.distributed.communicator import Communicator, connect
from rustorch.distributed.config import DistributedConfig, from_environment
from rustorch.errors import ArgumentError, DeviceError


class Group(NamedTuple):
    """A world that was joined."""

    config: DistributedConfig
    communicator: Communicator


_group: Group | None = None


def init_process_group(
    backend: str | DistributedConfig = "mpi",
    init_method: str | None = None,
    world_size: int = -1,
    rank: int = -1,
) -> None:
    """Join a world of processes.

    Args:
        backend: the scheme of the communicator, or a whole config.
        init_method: ``"env://"`` or None: what is not given comes from the launcher's environment.
        world_size: number of processes.
        rank: number of this process.

    Raises:
        MissingPackageError: if no plugin has a communicator for the scheme; says what to install.
        DeviceError: if a group exists already.
    """
    global _group
    if _group is not None:
        raise DeviceError(
            "init_process_group: the process group exists already", hint="destroy_process_group()"
        )
    if init_method not in (None, "env://"):
        raise ArgumentError(f"init_process_group: init_method must be 'env://' or None, got {init_method!r}")
    given = isinstance(backend, DistributedConfig)
    config = backend if given else from_environment(str(backend), world_size, rank)
    assert isinstance(config, DistributedConfig)  # noqa: S101 - for the type checker
    _group = Group(config, connect(config))


def destroy_process_group() -> None:
    """Leave the world; nothing happens if there is none."""
    global _group
    if _group is not None:
        leaving, _group = _group, None
        leaving.communicator.close()


def group() -> Group | None:
    """Return the world that was joined, or None."""
    return _group


def is_initialized() -> bool:
    """Return whether this process has joined a world."""
    return _group is not None


def is_available() -> bool:
    """Return whether any installed plugin provides communicators."""
    return bool(plugins().manager.hook.rustorch_communicator.get_hookimpls())


def get_rank() -> int:
    """Return the number of this process; 0 outside a world."""
    return _group.config.rank() if _group else 0


def get_world_size() -> int:
    """Return the number of processes; 1 outside a world."""
    return _group.config.world_size() if _group else 1


def barrier() -> None:
    """Wait until every process of the world is here; returns at once outside a world."""
    if _group is not None:
        _group.communicator.barrier()
