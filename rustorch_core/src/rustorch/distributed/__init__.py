"""Training in several processes.  The transport is a plugin; without one a world has one process."""

from rustorch.distributed.communicator import Communicator
from rustorch.distributed.config import DistributedConfig
from rustorch.distributed.data_parallel import DistributedDataParallel
from rustorch.distributed.group import (
    barrier,
    destroy_process_group,
    get_rank,
    get_world_size,
    init_process_group,
    is_available,
    is_initialized,
)

__all__ = [
    "Communicator",
    "DistributedConfig",
    "DistributedDataParallel",
    "barrier",
    "destroy_process_group",
    "get_rank",
    "get_world_size",
    "init_process_group",
    "is_available",
    "is_initialized",
]
