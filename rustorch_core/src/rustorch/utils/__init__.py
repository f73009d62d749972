"""Saving and loading, checkpoints, profiling, settings, facts about the system."""

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
