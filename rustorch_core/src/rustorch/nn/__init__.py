"""Neural networks: modules, layers, losses and their functional forms."""

from rustorch.nn import init
from rustorch.nn.containers import ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential
from rustorch.nn.lazy import LazyModuleMixin
from rustorch.nn.linear import Bilinear, Flatten, Identity, LazyLinear, Linear, Unflatten
from rustorch.nn.module import Module
from rustorch.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter
