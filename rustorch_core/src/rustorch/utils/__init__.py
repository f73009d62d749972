"""Saving and loading, checkpoints, profiling, settings, facts about the system."""

from rustorch.utils.storing import load, save

__all__ = ["load", "save"]
