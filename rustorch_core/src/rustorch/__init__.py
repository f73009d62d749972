"""RusTorch: deep learning in Python on any hardware for which there is a backend."""

from __future__ import annotations

import importlib
from math import e, inf, nan, pi
from typing import TYPE_CHECKING, Any

from rustorch import autograd, dispatch, dtypes, ops
from rustorch.autograd import (
    Variable,
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from rustorch.device import Device, get_default_device, set_default_device
from rustorch.dispatch import fallback, fallback_report, override, provenance, set_fallback
from rustorch.dtypes import (
    DType,
    bfloat16,
    complex64,
    complex128,
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    promote_types,
    set_default_dtype,
    uint8,
)
from rustorch.errors import (
    ArgumentError,
    ArgumentTypeError,
    AutogradError,
    DeviceError,
    DeviceIndexError,
    DeviceLostError,
    DTypeError,
    MissingKernelError,
    MissingPackageError,
    OutOfBoundsError,
    OutOfMemoryError,
    PluginError,
    RusTorchError,
    SerializationError,
    ShapeError,
    TensorError,
    WorkerError,
    WorkerTimeoutError,
)
from rustorch.limits import finfo, iinfo
from rustorch.rng import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from rustorch.runtime import empty_cache, get_num_threads, memory_stats, set_num_threads, synchronize
from rustorch.shape import Shape
from rustorch.tensor import Tensor
from rustorch.tensor.host import from_dlpack
from rustorch.tensor.printing import set_printoptions

__version__ = "0.1.0"

# PyTorch's names
device = Device
dtype = DType
Size = Shape
half, double, short, long = float16, float64, int16, int64
qint8 = int8  # for quantize_dynamic: quantized numbers are plain ones, their scale a tensor of its own
newaxis = None
cfloat, cdouble = complex64, complex128
contiguous_format, preserve_format = ops.movement.MEMORY_FORMATS

#: Loaded when first used, so that `import rustorch` stays quick.
_LAZY = frozenset({
    "cli", "cuda", "data", "distributed", "hardware", "nn", "optim", "plugins", "quantization", "testing",
    "training", "utils", "visualization",
})  # fmt: skip
_FROM_LAZY = {
    "Event": "streams", "Model": "training", "Stream": "streams", "current_stream": "streams", "load": "utils",
    "bisect": "hardware", "migrate": "hardware", "plan": "hardware", "save": "utils", "stream": "streams",
}  # fmt: skip


def is_tensor(obj: Any) -> Any:  # not `-> bool`: that name is a dtype here
    """Return whether `obj` is a tensor."""
    return isinstance(obj, Tensor)


def _export_functions() -> None:
    scope = globals()
    for entry in ops.functions.values():
        for name in (entry.name, *entry.aliases):
            scope[name] = entry.function
            if entry.inplace is not None and entry.name in ("relu", "sigmoid", "tanh", "exp", "sqrt", "neg"):
                scope.setdefault(f"{name}_", entry.inplace)


_export_functions()
del _export_functions


def _examine(kernel: Any, device: Any) -> Any:
    """Compare a kernel with what its op means; what does that is loaded when the first one is examined."""
    return importlib.import_module("rustorch.hardware.examining").examine(kernel, device)


dispatch.trust.examine = _examine

# names that are Python built-ins too; set last, since this module's own code uses the built-ins
from rustorch.dtypes import bool_ as bool  # noqa: E402
from rustorch.dtypes import float32 as float  # noqa: E402
from rustorch.dtypes import int32 as int  # noqa: E402

# What is exported, for type checkers; at run time `import *` gives the functions too.
if TYPE_CHECKING:
    __all__ = [
        "ArgumentError",
        "ArgumentTypeError",
        "AutogradError",
        "DType",
        "DTypeError",
        "Device",
        "DeviceError",
        "DeviceIndexError",
        "DeviceLostError",
        "Generator",
        "MissingKernelError",
        "MissingPackageError",
        "OutOfBoundsError",
        "OutOfMemoryError",
        "PluginError",
        "RusTorchError",
        "SerializationError",
        "Shape",
        "ShapeError",
        "Size",
        "Tensor",
        "TensorError",
        "Variable",
        "WorkerError",
        "WorkerTimeoutError",
        "autograd",
        "bfloat16",
        "bool",
        "cdouble",
        "cfloat",
        "complex64",
        "complex128",
        "default_generator",
        "device",
        "dispatch",
        "double",
        "dtype",
        "dtypes",
        "empty_cache",
        "enable_grad",
        "fallback",
        "fallback_report",
        "float",
        "float16",
        "float32",
        "float64",
        "from_dlpack",
        "get_default_device",
        "get_default_dtype",
        "get_num_threads",
        "get_rng_state",
        "half",
        "inference_mode",
        "initial_seed",
        "int",
        "int8",
        "int16",
        "int32",
        "int64",
        "is_grad_enabled",
        "is_inference_mode_enabled",
        "long",
        "manual_seed",
        "memory_stats",
        "no_grad",
        "ops",
        "override",
        "promote_types",
        "provenance",
        "qint8",
        "seed",
        "set_default_device",
        "set_default_dtype",
        "set_fallback",
        "set_grad_enabled",
        "set_num_threads",
        "set_printoptions",
        "set_rng_state",
        "short",
        "synchronize",
        "uint8",
    ]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return importlib.import_module(f"rustorch.{name}")
    if name in _FROM_LAZY:
        return getattr(importlib.import_module(f"rustorch.{_FROM_LAZY[name]}"), name)
    raise AttributeError(f"module 'rustorch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, *_FROM_LAZY})
