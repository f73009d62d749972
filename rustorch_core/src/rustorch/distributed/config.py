"""``DistributedConfig``: who takes part and how they find each other."""

from __future__ import annotations

import os
from collections.abc import Mapping

from rustorch.errors import ArgumentError, ArgumentTypeError


class DistributedConfig:
    """A world of processes, and which one this is.

    The config made last is the one that :class:`DistributedDataParallel` takes if it gets none and no
    process group is initialized.

    Args:
        backend: the scheme of the communicator: ``"nccl"``, ``"mpi"`` or another plugin's.
        world_size: number of processes.
        rank: number of this process, from 0.
        master_addr: host of process 0.
        master_port: its port.
        timeout: seconds to wait for the others; the communicator's own choice if None.

    >>> from rustorch.distributed import DistributedConfig
    >>> config = DistributedConfig(backend="mpi")
    >>> config.backend(), config.world_size(), config.rank()
    ('mpi', 1, 0)
    """

    def __init__(
        self,
        backend: str = "nccl",
        world_size: int = 1,
        rank: int = 0,
        master_addr: str = "localhost",
        master_port: int = 29500,
        timeout: float | None = None,
    ) -> None:
        for name, text in (("backend", backend), ("master_addr", master_addr)):
            if type(text) is not str or not text:
                raise ArgumentTypeError(f"DistributedConfig: {name} must be a string, got {text!r}")
        for name, number in (("world_size", world_size), ("rank", rank), ("master_port", master_port)):
            if type(number) is not int:
                raise ArgumentTypeError(f"DistributedConfig: {name} must be an integer, got {number!r}")
        if world_size < 1 or not 0 <= rank < world_size:
            raise ArgumentError(
                f"DistributedConfig: 0 <= rank < world_size is required, got rank {rank} of {world_size}"
            )
        if not 0 < master_port < 65536:
            raise ArgumentError(f"DistributedConfig: master_port must be in 1 to 65535, got {master_port}")
        if timeout is not None and not timeout > 0:
            raise ArgumentError(f"DistributedConfig: timeout must be positive, got {timeout}")
        self._backend, self._world_size, self._rank = backend, world_size, rank
        self._master_addr, self._master_port, self._timeout = master_addr, master_port, timeout
        global _latest
        _latest = self

    def backend(self) -> str:
        """Return the scheme of the communicator."""
        return self._backend

    def world_size(self) -> int:
        """Return the number of processes."""
        return self._world_size

    def rank(self) -> int:
        """Return the number of this process."""
        return self._rank

    def master_addr(self) -> str:
        """Return the host of process 0."""
        return self._master_addr

    def master_port(self) -> int:
        """Return the port of process 0."""
        return self._master_port

    def timeout(self) -> float | None:
        """Return the seconds to wait for the others, or None."""
        return self._timeout

    def __repr__(self) -> str:
        return f"DistributedConfig({self._backend!r}, world_size={self._world_size}, rank={self._rank})"


_latest: DistributedConfig | None = None


def latest() -> DistributedConfig | None:
    """Return the config made last in this process, or None."""
    return _latest


#: (world size, rank) as launchers tell them, the first that is complete counts.
_LAUNCHERS = (
    ("WORLD_SIZE", "RANK"),
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("PMI_SIZE", "PMI_RANK"),
    ("SLURM_NTASKS", "SLURM_PROCID"),
)


def from_environment(
    backend: str, world_size: int = -1, rank: int = -1, environment: Mapping[str, str] = os.environ
) -> DistributedConfig:
    """Return the config that a launcher's environment variables tell; a world of one without a launcher.

    Args:
        backend: the scheme of the communicator.
        world_size: overrides the environment unless -1.
        rank: the same.
        environment: the variables.
    """
    told = (1, 0)
    for size_name, rank_name in _LAUNCHERS:
        if size_name in environment and rank_name in environment:
            texts = environment[size_name], environment[rank_name]
            try:
                told = int(texts[0]), int(texts[1])
            except ValueError:
                raise ArgumentError(
                    f"distributed: {size_name} and {rank_name} must be integers, got {texts[0]!r} and "
                    f"{texts[1]!r}"
                ) from None
            break
    port = environment.get("MASTER_PORT", "29500")
    if not port.isdecimal():
        raise ArgumentError(f"distributed: MASTER_PORT must be an integer, got {port!r}")
    return DistributedConfig(
        backend,
        told[0] if world_size == -1 else world_size,
        told[1] if rank == -1 else rank,
        environment.get("MASTER_ADDR", "localhost"),
        int(port),
    )
