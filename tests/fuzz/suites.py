"""Calls that work, of every kind; `worker` makes them wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from worker import Call

import rustorch
from rustorch import ops
from rustorch.testing.cases import Case, cases


def _built(case: Case, device: str) -> Any:
    return lambda: case.build(device, "float32")


def functions(device: str = "cpu") -> Iterator[Call]:
    """Every public function, its in-place form and its ``out=``."""
    for case in cases():
        entry = case.function
        name = f"{case.name} on {device}"
        changes = entry.name.endswith("_") or entry.name in ("batch_norm", "instance_norm")
        extra: dict[str, Any] = {"out": rustorch.ones(3, 5, device=device)} if entry.elementwise else {}
        yield Call(name, entry.function, _built(case, device), changes, extra, plain=entry.elementwise)
        if entry.inplace is not None:
            yield Call(f"{name} in place", entry.inplace, _built(case, device), changes=True, plain=True)


def functions_on_reference() -> Iterator[Call]:
    """The same on the other backend."""
    return functions("reference")


def without_samples() -> Iterator[Call]:
    """Public functions that are sampled by hand, because they take data."""
    data = {
        "tensor": ([[1, 2], [3, 4]],),
        "as_tensor": ([1.5, 2.5],),
    }
    for name, args in data.items():
        entry = ops.functions[name]
        yield Call(name, entry.function, lambda args=args: (args, {}), extra={"dtype": 1, "device": 1})


#: Functions of the list below whose first argument is no tensor.
_FREE = {"Tensor", "device", "manual_seed", "set_default_dtype", "Size", "from_numpy", "from_dlpack", "memory_stats",
         "synchronize", "set_num_threads", "autograd.backward", "gradient"}  # fmt: skip
#: Python and NumPy answer where a tensor says that it does not know the other operand.
_PROTOCOLS = {
    "add operator": (TypeError, ValueError), "matmul operator": (TypeError, ValueError),
    "iadd operator": (TypeError, ValueError), "int": (ValueError, OverflowError, TypeError), "len": (TypeError,),
}  # fmt: skip


def methods(device: str = "cpu") -> Iterator[Call]:
    """What a tensor has beside the public functions."""

    def x(*shape: int) -> Any:
        return rustorch.ones(shape, device=device)

    def leaf() -> Any:
        return rustorch.ones(2, 3, device=device, requires_grad=True)

    def scaled(t: Any) -> Any:
        return (t * 2).sum(), t

    tensor = rustorch.Tensor
    calls: dict[str, tuple[Any, Any, bool]] = {
        "view": (tensor.view, lambda: (x(2, 3), 3, 2), False),
        "view dtype": (tensor.view, lambda: (x(2, 3), rustorch.int32), False),
        "to": (tensor.to, lambda: (x(2, 3), "float64"), False),
        "to device": (tensor.to, lambda: (x(2, 3), "reference", "float16"), False),
        "type": (tensor.type, lambda: (x(2), "int8"), False),
        "type_as": (tensor.type_as, lambda: (x(2), x(2)), False),
        "item": (tensor.item, lambda: (x(1),), False),
        "tolist": (tensor.tolist, lambda: (x(2, 2),), False),
        "size": (tensor.size, lambda: (x(2, 3), 0), False),
        "stride": (tensor.stride, lambda: (x(2, 3), 0), False),
        "getitem": (tensor.__getitem__, lambda: (x(4, 5), (1, slice(1, 3))), False),
        "getitem index": (tensor.__getitem__, lambda: (x(4, 5), rustorch.tensor([0, 3], device=device)), False),
        "getitem pair": (tensor.__getitem__, lambda: (x(4, 5), (rustorch.tensor([0, 3], device=device), [1, 2])), False),
        "getitem mask": (tensor.__getitem__, lambda: (x(4, 5), x(4, 5) > 0), False),
        "getitem parts": (tensor.__getitem__, lambda: (x(4, 5, 6), (None, 1, ..., [0, 1])), False),
        "setitem": (tensor.__setitem__, lambda: (x(4, 5), (1, slice(1, 3)), 2.0), True),
        "setitem index": (tensor.__setitem__, lambda: (x(4, 5), rustorch.tensor([0, 3], device=device), x(2, 5)), True),
        "setitem mask": (tensor.__setitem__, lambda: (x(4, 5), x(4, 5) > 0, 3), True),
        "copy_": (tensor.copy_, lambda: (x(2, 3), x(3)), True),
        "fill_": (tensor.fill_, lambda: (x(2, 3), 2), True),
        "zero_": (tensor.zero_, lambda: (x(2, 3),), True),
        "clamp_": (tensor.clamp_, lambda: (x(2, 3), 0, 1), True),
        "masked_fill_": (tensor.masked_fill_, lambda: (x(2, 3), x(2, 3) > 0, 1.0), True),
        "index_add_": (tensor.index_add_, lambda: (x(4, 3), 0, rustorch.tensor([1, 2], device=device), x(2, 3)), True),
        "requires_grad_": (tensor.requires_grad_, lambda: (x(2), True), True),
        "backward": (tensor.backward, lambda: (leaf() * 2, x(2, 3)), True),
        "backward inputs": (lambda t, **k: (t * 2).sum().backward(**k), lambda: (leaf(),), True),
        "set grad": (lambda t, g: setattr(t, "grad", g), lambda: (leaf(), x(2, 3)), True),
        "set data": (lambda t, g: setattr(t, "data", g), lambda: (leaf(), x(2, 3)), True),
        "register_hook": (tensor.register_hook, lambda: (leaf(), len), True),
        "retain_grad": (tensor.retain_grad, lambda: (leaf(),), True),
        "detach": (tensor.detach, lambda: (leaf(),), False),
        "max": (tensor.max, lambda: (x(2, 3), 1), False),
        "where": (tensor.where, lambda: (x(2, 3), x(2, 3) > 0, x(2, 3)), False),
        "unfold": (tensor.unfold, lambda: (x(2, 7), 1, 3, 2), False),
        "new_tensor": (tensor.new_tensor, lambda: (x(2), [1, 2]), False),
        "new_zeros": (tensor.new_zeros, lambda: (x(2), 2, 3), False),
        "new_full": (tensor.new_full, lambda: (x(2), (2, 3), 1), False),
        "new_arange": (tensor.new_arange, lambda: (x(2), 5), False),
        "len": (len, lambda: (x(2),), False),
        "int": (int, lambda: (x(1),), False),
        "Tensor": (tensor, lambda: ([1, 2],), False),
        "gradient": (rustorch.autograd.grad, lambda: scaled(leaf()), False),
        "autograd.backward": (rustorch.autograd.backward, lambda: ([leaf() * 2], [x(2, 3)]), True),
        "set_num_threads": (lambda n: (rustorch.set_num_threads(n), rustorch.set_num_threads(1)), lambda: (2,), False),
        "device": (rustorch.device, lambda: ("cpu", 0), False),
        "manual_seed": (rustorch.manual_seed, lambda: (3,), False),
        "set_default_dtype": (lambda d: (rustorch.set_default_dtype(d), rustorch.set_default_dtype("float32")),
                              lambda: ("float64",), False),
        "Size": (rustorch.Size, lambda: ((2, 3),), False),
        "from_numpy": (rustorch.from_numpy, lambda: (__import__("numpy").ones(3),), False),
        "from_dlpack": (rustorch.from_dlpack, lambda: (x(3),), False),
        "memory_stats": (rustorch.memory_stats, lambda: ("cpu",), False),
        "synchronize": (rustorch.synchronize, lambda: ("cpu",), False),
        "add operator": (lambda a, b: a + b, lambda: (x(2), x(2)), False),
        "matmul operator": (lambda a, b: a @ b, lambda: (x(2, 3), x(3, 2)), False),
        "iadd operator": (__import__("operator").iadd, lambda: (x(2), x(2)), True),
    }  # fmt: skip
    for name, (function, build, changes) in calls.items():
        yield Call(
            name,
            function,
            lambda build=build: (build(), {}),
            changes,
            {"dtype": 1},
            name not in _FREE,
            _PROTOCOLS.get(name, ()),
            plain=True,
        )


def methods_on_reference() -> Iterator[Call]:
    """The same on the other backend."""
    return methods("reference")


def layers(device: str = "cpu") -> Iterator[Call]:
    """Making every layer, and calling it."""
    nn = rustorch.nn

    def x(*shape: int) -> Any:
        return rustorch.ones(shape, device=device)

    index = rustorch.tensor([0, 2], device=device)
    encoder = nn.TransformerEncoderLayer(4, 2, 8)
    made: list[tuple[Any, tuple[Any, ...], tuple[Any, ...]]] = [
        (nn.Linear, (3, 4), (x(2, 3),)),
        (nn.Bilinear, (3, 4, 2), (x(2, 3), x(2, 4))),
        (nn.Flatten, (1, -1), (x(2, 3, 4),)),
        (nn.Unflatten, (1, (2, 3)), (x(2, 6),)),
        (nn.Conv1d, (2, 4, 3), (x(1, 2, 8),)),
        (nn.Conv2d, (2, 4, 3, 1, 1, 1, 2, True, "reflect"), (x(1, 2, 8, 8),)),
        (nn.ConvTranspose1d, (2, 4, 3), (x(1, 2, 8),)),
        (nn.ConvTranspose2d, (2, 4, 3, 2, 1, 1), (x(1, 2, 4, 4),)),
        (nn.MaxPool1d, (2,), (x(1, 2, 8),)),
        (nn.MaxPool2d, (2, 2, 1), (x(1, 2, 8, 8),)),
        (nn.AvgPool1d, (2,), (x(1, 2, 8),)),
        (nn.AvgPool2d, (2, 2, 1), (x(1, 2, 8, 8),)),
        (nn.AdaptiveAvgPool2d, ((2, 2),), (x(1, 2, 8, 8),)),
        (nn.AdaptiveMaxPool2d, (2,), (x(1, 2, 8, 8),)),
        (nn.BatchNorm1d, (3, 1e-5, 0.1), (x(4, 3),)),
        (nn.BatchNorm2d, (3,), (x(4, 3, 2, 2),)),
        (nn.InstanceNorm2d, (3,), (x(4, 3, 2, 2),)),
        (nn.LayerNorm, ((3,), 1e-5), (x(4, 3),)),
        (nn.RMSNorm, (3,), (x(4, 3),)),
        (nn.GroupNorm, (2, 4), (x(3, 4, 2),)),
        (nn.LocalResponseNorm, (2,), (x(3, 4, 2),)),
        (nn.Dropout, (0.5,), (x(3, 4),)),
        (nn.Dropout2d, (0.5,), (x(3, 4, 2, 2),)),
        (nn.Embedding, (5, 3, 1), (index,)),
        (nn.ReLU, (), (x(3),)),
        (nn.LeakyReLU, (0.1,), (x(3),)),
        (nn.ELU, (1.0,), (x(3),)),
        (nn.GELU, ("tanh",), (x(3),)),
        (nn.PReLU, (1, 0.25), (x(3, 2),)),
        (nn.Softplus, (1.0, 20.0), (x(3),)),
        (nn.Threshold, (0.1, 2.0), (x(3),)),
        (nn.Hardtanh, (-1.0, 1.0), (x(3),)),
        (nn.Softmax, (1,), (x(3, 2),)),
        (nn.LogSoftmax, (1,), (x(3, 2),)),
        (nn.GLU, (1,), (x(3, 2),)),
        (nn.LSTM, (3, 4, 2), (x(5, 2, 3), (x(2, 2, 4), x(2, 2, 4)))),
        (nn.GRU, (3, 4), (x(5, 2, 3), x(1, 2, 4))),
        (nn.RNN, (3, 4), (x(5, 2, 3), x(1, 2, 4))),
        (nn.LSTMCell, (3, 4), (x(2, 3), (x(2, 4), x(2, 4)))),
        (nn.GRUCell, (3, 4), (x(2, 3), x(2, 4))),
        (nn.RNNCell, (3, 4), (x(2, 3), x(2, 4))),
        (nn.MultiheadAttention, (4, 2, 0.0), (x(3, 2, 4), x(5, 2, 4), x(5, 2, 4))),
        (nn.TransformerEncoderLayer, (4, 2, 8, 0.0), (x(3, 2, 4),)),
        (nn.TransformerDecoderLayer, (4, 2, 8, 0.0), (x(3, 2, 4), x(5, 2, 4))),
        (nn.TransformerEncoder, (encoder, 1), (x(3, 2, 4),)),
        (nn.Transformer, (4, 2, 1, 1, 8), (x(3, 2, 4), x(5, 2, 4))),
        (nn.Upsample, (None, 2.0), (x(1, 2, 3),)),
        (nn.PixelShuffle, (2,), (x(1, 4, 2, 2),)),
        (nn.Unfold, (2, 1, 0, 1), (x(1, 2, 4, 4),)),
        (nn.Fold, ((4, 4), 2), (x(1, 8, 9),)),
        (nn.ConstantPad2d, (1, 2.0), (x(1, 2, 4, 4),)),
        (nn.ReflectionPad2d, ((1, 1, 1, 1),), (x(1, 2, 4, 4),)),
        (nn.CosineSimilarity, (1,), (x(3, 2), x(3, 2))),
        (nn.PairwiseDistance, (2.0,), (x(3, 2), x(3, 2))),
        (nn.MSELoss, ("mean",), (x(3), x(3))),
        (nn.L1Loss, (), (x(3), x(3))),
        (nn.SmoothL1Loss, (), (x(3), x(3))),
        (nn.HuberLoss, ("sum", 1.0), (x(3), x(3))),
        (nn.CrossEntropyLoss, (x(4),), (x(2, 4), index)),
        (nn.NLLLoss, (), (x(2, 4), index)),
        (nn.BCELoss, (), (x(3), x(3))),
        (nn.BCEWithLogitsLoss, (), (x(3), x(3))),
        (nn.KLDivLoss, (), (x(3, 2), x(3, 2))),
        (nn.TripletMarginLoss, (), (x(3, 2), x(3, 2), x(3, 2))),
        (nn.CosineEmbeddingLoss, (), (x(3, 2), x(3, 2), x(3))),
        (nn.Sequential, (nn.Linear(3, 4), nn.ReLU()), (x(2, 3),)),
        (nn.ModuleList, ([nn.Linear(3, 4)],), ()),
        (nn.ModuleDict, ({"a": nn.Linear(3, 4)},), ()),
        (nn.ParameterList, ([x(3)],), ()),
    ]
    yield Call("making Parameter", nn.Parameter, lambda: ((x(3), True), {}), plain=True)
    for cls, args, inputs in made:
        yield Call(
            f"making {cls.__name__}", cls, lambda args=args: (args, {}), extra={"device": 1, "dtype": 1}
        )
        if inputs:
            layer = cls(*args)
            yield Call(
                f"calling {cls.__name__}",
                layer,
                lambda inputs=inputs: (inputs, {}),
                method=cls is nn.Sequential,
            )


def optimizers() -> Iterator[Call]:
    """Making every optimizer and schedule, and their steps."""
    optim, schedules = rustorch.optim, rustorch.optim.lr_scheduler

    def weights() -> Any:
        w = rustorch.nn.Parameter(rustorch.ones(2, 3))
        w.grad = rustorch.ones(2, 3)
        return w

    options: dict[Any, dict[str, Any]] = {
        optim.SGD: {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1, "nesterov": False},
        optim.Adam: {"lr": 0.1, "betas": (0.9, 0.99), "eps": 1e-8, "weight_decay": 0.1, "amsgrad": True},
        optim.AdamW: {"lr": 0.1, "betas": (0.9, 0.99)},
        optim.RMSprop: {"lr": 0.1, "alpha": 0.9, "eps": 1e-8, "momentum": 0.1, "centered": True},
        optim.Adagrad: {"lr": 0.1, "lr_decay": 0.1, "eps": 1e-8},
    }
    for cls, given in options.items():

        def stepped(*args: Any, cls: Any = cls, **kwargs: Any) -> None:
            optimizer = cls(*args, **kwargs)
            optimizer.step()
            optimizer.load_state_dict(optimizer.state_dict())

        yield Call(cls.__name__, stepped, lambda given=given: (([weights()],), given), changes=True)
        yield Call(f"{cls.__name__} groups", stepped, lambda given=given: (([{"params": [weights()], "lr": 0.1}],), given),
                   changes=True)  # fmt: skip
        loading = cls([weights()], **given)
        yield Call(
            f"{cls.__name__} loading",
            loading.load_state_dict,
            lambda o=loading: ((o.state_dict(),), {}),
            plain=True,
        )
        yield Call(
            f"{cls.__name__} adding",
            loading.add_param_group,
            lambda: (({"params": [weights()]},), {}),
            plain=True,
        )
    plans: dict[Any, tuple[Any, ...]] = {
        schedules.StepLR: (2, 0.5), schedules.MultiStepLR: ([1, 2], 0.5), schedules.ExponentialLR: (0.9,),
        schedules.CosineAnnealingLR: (10, 0.0), schedules.ReduceLROnPlateau: ("min", 0.1, 2),
        schedules.OneCycleLR: (0.1, 10), schedules.LambdaLR: (lambda _: 1.0,), schedules.LinearLR: (0.5, 1.0, 3),
    }  # fmt: skip
    for cls, args in plans.items():

        def planned(*args: Any, cls: Any = cls) -> None:
            schedule = cls(*args)
            schedule.step(1.0) if cls is schedules.ReduceLROnPlateau else schedule.step()

        yield Call(
            cls.__name__, planned, lambda args=args: ((optim.SGD([weights()], 0.1), *args), {}), plain=True
        )
    clip = rustorch.nn.utils.clip_grad_norm_
    yield Call("clip_grad_norm_", clip, lambda: (([weights()], 1.0, 2.0), {}), changes=True)


def loaders() -> Iterator[Call]:
    """Datasets, samplers and loaders, read to the end."""
    data = rustorch.utils.data

    def read(*args: Any, **kwargs: Any) -> None:
        for _, _batch in zip(range(5), data.DataLoader(*args, **kwargs), strict=False):
            pass

    dataset = data.TensorDataset(rustorch.arange(12).reshape(6, 2), rustorch.arange(6))
    yield Call("DataLoader", read, lambda: ((dataset, 2, True), {}), plain=True, allowed=(KeyError,),  # the dataset's own
               extra={"drop_last": 1, "sampler": 1, "batch_sampler": 1, "timeout": 1,
                      "generator": 1, "pin_memory": 1, "prefetch_factor": 1, "worker_init_fn": 1})  # fmt: skip
    yield Call(
        "TensorDataset", data.TensorDataset, lambda: ((rustorch.ones(3, 2), rustorch.ones(3)), {}), plain=True
    )
    yield Call("Subset", data.Subset, lambda: ((dataset, [0, 1]), {}), plain=True)
    yield Call("random_split", data.random_split, lambda: ((dataset, [4, 2]), {}), plain=True)
    yield Call("BatchSampler", data.BatchSampler, lambda: ((range(5), 2, False), {}), plain=True)
    yield Call("RandomSampler", data.RandomSampler, lambda: ((dataset, True, 3), {}), plain=True)
    yield Call("item", dataset.__getitem__, lambda: ((1,), {}), plain=True)
