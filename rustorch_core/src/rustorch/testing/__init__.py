"""Help for tests: comparing tensors, and making them."""

from rustorch.testing.compare import assert_close
from rustorch.testing.make import make_tensor

__all__ = ["assert_close", "make_tensor"]
