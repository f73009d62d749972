"""What processes of a world do together to test their communicator; every process runs the same program."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import rustorch
from rustorch import dtypes, nn
from rustorch.distributed import Communicator, DistributedConfig, DistributedDataParallel
from rustorch.dtypes import COMPLEX, FLOAT, DType, dtype_of
from rustorch.errors import RusTorchError
from rustorch.ops.creation import tensor


@dataclass(slots=True)
class World:
    """This process's place among all."""

    communicator: Communicator
    config: DistributedConfig

    @property
    def rank(self) -> int:
        """The number of this process."""
        return self.config.rank()

    @property
    def size(self) -> int:
        """How many there are."""
        return self.config.world_size()


Program = Callable[[World], None]


def expect(found: Any, expected: Any, what: str) -> None:
    """Raise unless a tensor has these elements, to the bit."""
    array = np.array(found.detach().numpy(force=True))
    right = np.asarray(expected).astype(array.dtype)
    if array.shape != right.shape or not np.array_equal(array, right):
        raise AssertionError(f"{what}: expected {_short(right)}, got {_short(array)}")


def _short(array: Any) -> str:
    flat = [str(value) for value in array.reshape(-1)[:6]]
    return f"[{', '.join(flat)}{', ...' if array.size > 6 else ''}] of shape {array.shape}"


def _numbers(rank: int, shape: tuple[int, ...], dtype: DType) -> Any:
    """Return small whole numbers that differ from process to process, exact in every dtype and sum."""
    values = (np.arange(int(np.prod(shape))) * 3 + rank * 5) % 11
    return (values.reshape(shape) + (0 if dtype.name in ("bool", "uint8") else -4)).astype(dtype.numpy)


_FOLDS = {"sum": np.add, "max": np.maximum, "min": np.minimum}


def _reduced(world: World, op: str, shape: tuple[int, ...], dtype: DType) -> Any:
    wide = np.complex128 if dtype.category == COMPLEX else np.float64 if dtype.category == FLOAT else np.int64
    return _FOLDS[op].reduce([_numbers(r, shape, dtype).astype(wide) for r in range(world.size)])


def _facts(world: World) -> None:
    found = world.communicator
    if (found.rank, found.world_size) != (world.rank, world.size):
        raise AssertionError(
            f"expected rank {world.rank} of {world.size}, got rank {found.rank} of {found.world_size}"
        )


def _all_reduce(world: World, op: str, dtype: str, shape: tuple[int, ...] = (3, 5)) -> None:
    kind = dtype_of(dtype)
    x = tensor(_numbers(world.rank, shape, kind))
    world.communicator.all_reduce(x, op)
    expect(x, _reduced(world, op, shape, kind), f"all_reduce {op}")


def _default_is_sum(world: World) -> None:
    x = rustorch.ones(4)
    world.communicator.all_reduce(x)
    expect(x, np.full(4, world.size), "all_reduce")


def _same_bits_everywhere(world: World) -> None:
    rng = np.random.default_rng(world.rank)
    x = tensor((rng.standard_normal(4099) * 10.0 ** rng.integers(-3, 4, 4099)).astype(np.float32))
    world.communicator.all_reduce(x)
    first = x.clone()
    world.communicator.broadcast(first, 0)
    expect(x, first.numpy(force=True), "the sum of process 0, which all must have to the bit")


def _broadcast(world: World, src: int, dtype: str, shape: tuple[int, ...] = (2, 3)) -> None:
    kind = dtype_of(dtype)
    x = tensor(_numbers(world.rank, shape, kind))
    world.communicator.broadcast(x, src)
    expect(x, _numbers(src, shape, kind), f"broadcast from {src}")


def _each_source(world: World) -> None:
    for src in range(world.size):
        _broadcast(world, src, "float32")


def _barrier(world: World) -> None:
    for late in range(world.size):
        time.sleep(0.15 if world.rank == late else 0.0)
        entered = tensor([time.monotonic()], dtype=rustorch.float64)
        world.communicator.barrier()
        left = time.monotonic()
        world.communicator.all_reduce(entered, "max")
        if left < entered.item():
            raise AssertionError(
                f"the barrier was left {entered.item() - left:.3f} s before process {late} was there"
            )


def _order(world: World) -> None:
    for number in range(40):
        x = rustorch.full((1 + number % 7,), float(number + world.rank))
        if number % 3 == 1:
            world.communicator.broadcast(x, number % world.size)
            expect(x, np.full(x.shape, number + number % world.size), f"collective {number}")
        else:
            world.communicator.all_reduce(x, "max" if number % 3 else "sum")
            ranks = world.size * (world.size - 1) // 2
            right = number + world.size - 1 if number % 3 else number * world.size + ranks
            expect(x, np.full(x.shape, right), f"collective {number}")


def _views(world: World) -> None:
    shapes: dict[str, Callable[[Any], Any]] = {
        "transposed": lambda x: x.t(),
        "strided": lambda x: x[::2, 1::3],
        "offset": lambda x: x[2:5],
        "0-d": lambda x: x[1, 1],
    }
    for name, view in shapes.items():
        for kind in ("all_reduce", "broadcast"):
            host = _numbers(world.rank, (6, 8), dtypes.float32)
            x = tensor(host)
            part = view(x)
            inside = view(rustorch.arange(48).reshape(6, 8)).numpy(force=True).reshape(-1)
            right = host.copy().reshape(-1)
            if kind == "all_reduce":
                world.communicator.all_reduce(part)
                right[inside] = _reduced(world, "sum", (6, 8), dtypes.float32).reshape(-1)[inside]
            else:
                world.communicator.broadcast(part, world.size - 1)
                right[inside] = _numbers(world.size - 1, (6, 8), dtypes.float32).reshape(-1)[inside]
            expect(x, right.reshape(6, 8), f"{kind} of a {name} view")


def _unknown_arguments(world: World) -> None:
    x = rustorch.ones(2)
    calls: list[Callable[[], None]] = [
        lambda: world.communicator.all_reduce(x, "median"),
        lambda: world.communicator.broadcast(x, world.size),
        lambda: world.communicator.broadcast(x, -1),
    ]
    for call in calls:
        try:
            call()
        except (RusTorchError, ValueError, IndexError):
            continue
        raise AssertionError(
            "an unknown reduction or a process that does not exist raises an error, got none"
        )
    _default_is_sum(world)


def _data_parallel(world: World) -> None:
    """Training on parts of a batch gives the model that training on the whole batch gives."""
    rustorch.manual_seed(7)
    data = rustorch.randn(4 * world.size, 5)
    alone = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 1))
    rustorch.manual_seed(100 + world.rank)  # parameters differ until process 0's are taken
    model = nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 1))
    if world.rank == 0:
        model.load_state_dict(alone.state_dict())
    parallel = _joined(model, world)
    for network, part in ((alone, data), (parallel, data[4 * world.rank : 4 * world.rank + 4])):
        optimizer = rustorch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
        for _ in range(3):
            optimizer.zero_grad()
            (network(part) - part.sum(1, keepdim=True)).square().mean().backward()
            optimizer.step()
    for p, q in zip(alone.parameters(), model.parameters(), strict=True):
        found, right = (np.array(t.detach().numpy(force=True)) for t in (q, p))
        if not np.allclose(found, right, rtol=1e-5, atol=1e-6):
            raise AssertionError(f"after training in parallel: expected {_short(right)}, got {_short(found)}")


def _joined(model: Any, world: World) -> Any:
    """Return the model wrapped for this world, whose communicator is there already."""
    from rustorch.distributed import group

    before, group._group = group._group, group.Group(world.config, world.communicator)
    try:
        return DistributedDataParallel(model)
    finally:
        group._group = before


_REDUCED = "float32 float64 float16 bfloat16 int64 int32 int16 int8 uint8".split()
_SENT = [*_REDUCED, "bool", "complex64", "complex128"]


def programs(*, quick: bool) -> dict[str, Program]:
    """Return the programs by ``op/dtype/case``, in the order in which a world runs them."""
    found: dict[str, Program] = {
        "world/-/rank and size": _facts,
        "all_reduce/float32/default": _default_is_sum,
    }
    for dtype in _REDUCED:
        for op in _FOLDS:
            found[f"all_reduce/{dtype}/{op}"] = partial(_all_reduce, op=op, dtype=dtype)
    for dtype in ("complex64", "complex128"):
        found[f"all_reduce/{dtype}/sum"] = partial(_all_reduce, op="sum", dtype=dtype)
    for dtype in _SENT:
        found[f"broadcast/{dtype}/from process 0"] = partial(_broadcast, src=0, dtype=dtype)
    large = 2**16 + 3 if quick else 2**22 + 3
    for shape in ((0,), (0, 3), (), (1,), (large,)):
        found[f"all_reduce/float32/shape {shape}"] = partial(
            _all_reduce, op="sum", dtype="float32", shape=shape
        )
        found[f"broadcast/float32/shape {shape}"] = partial(_broadcast, src=0, dtype="float32", shape=shape)
    return found | {
        "broadcast/float32/each source": _each_source,
        "all_reduce/float32/same bits everywhere": _same_bits_everywhere,
        "all_reduce/float32/views": _views,
        "barrier/-/waits": _barrier,
        "world/float32/order": _order,
        "world/float32/unknown arguments": _unknown_arguments,
        "world/float32/data parallel": _data_parallel,
    }


# -- what nobody should do ---------------------------------------------------------------------------


def _mismatched(world: World, here: tuple[int, ...], there: tuple[int, ...], kind: str = "float32") -> None:
    dtype = kind if world.rank else "float32"
    x = rustorch.ones(there if world.rank else here, dtype=dtype_of(dtype))
    world.communicator.all_reduce(x)


def _different_ops(world: World) -> None:
    x = rustorch.ones(3)
    if world.rank:
        world.communicator.all_reduce(x)
    else:
        world.communicator.broadcast(x, 0)


def _absent(world: World) -> None:
    if world.rank == world.size - 1:
        time.sleep((world.config.timeout() or 1.0) + 1)
    else:
        world.communicator.all_reduce(rustorch.ones(3))


#: After these a world is of no use, so each has one of its own.  At least one process must raise, none may hang.
MISTAKES: dict[str, Program] = {
    "mismatch/float32/shapes": partial(_mismatched, here=(3,), there=(4,)),
    "mismatch/float32/large shapes": partial(_mismatched, here=(100_000,), there=(7,)),
    "mismatch/float32/dtypes": partial(_mismatched, here=(3,), there=(3,), kind="int32"),
    "mismatch/float32/collectives": _different_ops,
    "mismatch/float32/absent process": _absent,
}
