"""For the user who switches hardware: what will happen on a device, and how to move to it."""

from rustorch.hardware.migration import Migration, migrate

__all__ = ["Migration", "migrate"]
