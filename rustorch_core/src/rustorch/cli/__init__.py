"""The command ``rustorch``: ``rustorch info``, ``rustorch doctor``, ``rustorch --version``."""

from rustorch.cli.main import main

__all__ = ["main"]
