"""A hostile device for tests: host memory that behaves like the worst hardware.

>>> import rustorch, rustorch_loopback
>>> x = rustorch.ones(2, 3, device="loopback")
>>> (x + x).tolist()
[[2.0, 2.0, 2.0], [2.0, 2.0, 2.0]]
"""

from rustorch_loopback.devices import held, reset
from rustorch_loopback.faults import Schedule, inject
from rustorch_loopback.kernels import submitted
from rustorch_loopback.options import Options, configured

__all__ = ["Options", "Schedule", "configured", "held", "inject", "reset", "submitted"]
