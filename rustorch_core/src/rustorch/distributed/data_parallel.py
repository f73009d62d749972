"""``DistributedDataParallel``: one model in every process, gradients averaged over all of them."""

from __future__ import annotations

from typing import Any

from rustorch.autograd import no_grad
from rustorch.distributed.communicator import Communicator, connect
from rustorch.distributed.config import DistributedConfig, from_environment, latest
from rustorch.distributed.group import group
from rustorch.errors import ArgumentError, ArgumentTypeError
from rustorch.nn.module import Module


class DistributedDataParallel(Module):
    """Trains one model in several processes, each on its own share of the data.

    At first every process takes the parameters and buffers of process 0.  In a backward, the gradient
    of a parameter is averaged over all processes as soon as it is complete.  In a world of one process
    nothing is exchanged and no plugin is needed.

    Args:
        module: the model.
        device_ids: at most one device, where the model is already; accepted because PyTorch has it.
        output_device: the same.
        broadcast_buffers: take the buffers of process 0 before every forward in training mode.
        find_unused_parameters: must be False: every parameter takes part in every step.
        config: the world; if None, that of ``init_process_group``, else the config made last, else
            what the launcher's environment says.

    Raises:
        MissingPackageError: if the world has several processes and no plugin connects them; says
            what to install.

    >>> import rustorch
    >>> from rustorch.distributed import DistributedConfig, DistributedDataParallel
    >>> parallel = DistributedDataParallel(rustorch.nn.Linear(2, 1), config=DistributedConfig())
    >>> tuple(parallel(rustorch.ones(3, 2)).shape)
    (3, 1)
    """

    def __init__(
        self,
        module: Any,
        device_ids: list[Any] | None = None,
        output_device: Any = None,
        broadcast_buffers: bool = True,
        find_unused_parameters: bool = False,
        *,
        config: DistributedConfig | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(module, Module):
            raise ArgumentTypeError(
                f"DistributedDataParallel: a module is required, got {type(module).__name__}"
            )
        if device_ids is not None and len(device_ids) > 1:
            raise ArgumentError(
                f"DistributedDataParallel: at most one device per process is possible, got {device_ids}",
                hint="start one process per device",
            )
        if find_unused_parameters:
            raise ArgumentError("DistributedDataParallel: find_unused_parameters=True is not supported")
        del output_device  # results are where the model is
        self.broadcast_buffers = broadcast_buffers
        self._modules["module"] = module
        self._communicator = _communicator(config)
        if self._communicator is not None:
            self._start(self._communicator)

    def _start(self, communicator: Communicator) -> None:
        with no_grad():
            for tensor in (*self.parameters(), *self.buffers()):
                communicator.broadcast(tensor, 0)
        for parameter in self.parameters():
            if parameter.requires_grad:
                parameter.register_post_accumulate_grad_hook(self._average)

    def _average(self, parameter: Any) -> None:
        communicator = self._communicator
        if communicator is not None and parameter.grad is not None:
            with no_grad():
                communicator.all_reduce(parameter.grad)
                parameter.grad.div_(communicator.world_size)

    @property
    def module(self) -> Any:
        """The wrapped model; ``module()`` returns it as well."""
        return _ModuleOrMethod(self._modules["module"])

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the model returns."""
        communicator = self._communicator
        if communicator is not None and self.broadcast_buffers and self.training:
            with no_grad():
                for buffer in self.buffers():
                    communicator.broadcast(buffer, 0)
        return self._modules["module"](*args, **kwargs)

    def sync_gradients(self) -> None:
        """Average the gradients over all processes now, for gradients that no backward has averaged.

        Averaging equal gradients changes nothing but rounding, so that a second time does no harm.
        """
        for parameter in self.parameters():
            self._average(parameter)


def _communicator(config: DistributedConfig | None) -> Communicator | None:
    """Return how to reach the others, or None in a world of one."""
    joined = group()
    if config is None and joined is not None:
        return joined.communicator if joined.config.world_size() > 1 else None
    chosen = config or latest() or from_environment("mpi")
    return connect(chosen) if chosen.world_size() > 1 else None


class _ModuleOrMethod:
    """The wrapped model under the name ``module``, which called without arguments returns it."""

    __slots__ = ("_wrapped",)

    def __init__(self, wrapped: Any) -> None:
        object.__setattr__(self, "_wrapped", wrapped)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        wrapped = object.__getattribute__(self, "_wrapped")
        return wrapped(*args, **kwargs) if args or kwargs else wrapped

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return type(object.__getattribute__(self, "_wrapped"))

    def __getattr__(self, name: str) -> Any:
        return getattr(object.__getattribute__(self, "_wrapped"), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(object.__getattribute__(self, "_wrapped"), name, value)

    def __getitem__(self, index: Any) -> Any:
        return object.__getattribute__(self, "_wrapped")[index]

    def __len__(self) -> int:
        return len(object.__getattribute__(self, "_wrapped"))

    def __iter__(self) -> Any:
        return iter(object.__getattribute__(self, "_wrapped"))

    def __repr__(self) -> str:
        return repr(object.__getattribute__(self, "_wrapped"))
