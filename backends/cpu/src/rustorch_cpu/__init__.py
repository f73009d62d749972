"""CPU backend of RusTorch: C kernels through cffi, SIMD chosen at run time, one thread pool."""

from rustorch_cpu.native import isa, set_isa, supported_isas

__all__ = ["isa", "set_isa", "supported_isas"]
