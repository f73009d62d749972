"""The command ``rustorch``: ``rustorch info``, ``rustorch doctor``, ``rustorch new-backend``."""

from rustorch.cli.main import main

__all__ = ["main"]
