"""PyTorch's name for :mod:`rustorch.data`."""

from rustorch.data import *  # noqa: F403
from rustorch.data import __all__  # noqa: F401 - for `import *` of this module
