"""Saving and loading, checkpoints, profiling, settings, facts about the system."""

from __future__ import annotations

import importlib
from typing import Any

from rustorch.utils.checkpoint import load_checkpoint, save_checkpoint
from rustorch.utils.config import Config
from rustorch.utils.model_files import load_model, save_model
from rustorch.utils.profiler import Profiler
from rustorch.utils.serializer import ModelComparator, ModelSerializer
from rustorch.utils.storing import load, save
from rustorch.utils.system import cuda_is_available, get_system_info, set_seed

__all__ = [
    "Config",
    "ModelComparator",
    "ModelSerializer",
    "Profiler",
    "cuda_is_available",
    "get_system_info",
    "load",
    "load_checkpoint",
    "load_model",
    "save",
    "save_checkpoint",
    "save_model",
    "set_seed",
]


def __getattr__(name: str) -> Any:
    if name == "data":  # loaded when first used: it brings the machinery of worker processes
        return importlib.import_module("rustorch.utils.data")
    raise AttributeError(f"module 'rustorch.utils' has no attribute {name!r}")
