"""Modules that hold other modules or parameters."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rustorch.base import TensorBase
from rustorch.errors import ArgumentTypeError, OutOfBoundsError
from rustorch.nn.module import Module
from rustorch.nn.parameter import Parameter


class _Numbered(Module):
    """Submodules named "0", "1", ...: what `Sequential` and `ModuleList` share."""

    def _key(self, index: Any) -> str:
        try:
            number = operator.index(index)
        except TypeError:
            raise ArgumentTypeError(
                f"{type(self).__name__}: an integer index is required, got {index!r}"
            ) from None
        count = len(self)
        if not -count <= number < count:
            raise OutOfBoundsError(
                f"{type(self).__name__}: index {number} is out of range for {count} modules"
            )
        return list(self._modules)[number]

    def _like(self, modules: list[Module]) -> Any:
        raise NotImplementedError

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._like(list(self._modules.values())[index])
        return self._modules[self._key(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._key(index), module)

    def __delitem__(self, index: Any) -> None:
        keys = list(self._modules)
        for key in keys[index] if isinstance(index, slice) else [self._key(index)]:
            del self._modules[key]
        self._renumber(list(self._modules.values()))

    def _renumber(self, modules: list[Any]) -> None:
        self._modules.clear()
        for i, module in enumerate(modules):
            self._modules[str(i)] = module

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._modules.values()))

    def __contains__(self, module: object) -> bool:
        return any(module is m for m in self._modules.values())

    def append(self, module: Module) -> Any:
        """Add a module at the end; return self."""
        self.add_module(str(len(self)), module)
        return self

    def insert(self, index: int, module: Module) -> Any:
        """Put a module before position `index`; return self."""
        if not isinstance(module, Module):
            raise ArgumentTypeError(f"insert: a Module is required, got {type(module).__name__}")
        modules = list(self._modules.values())
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def extend(self, modules: Iterable[Module]) -> Any:
        """Add modules at the end; return self."""
        if not isinstance(modules, Iterable):
            raise ArgumentTypeError(
                f"extend: an iterable of modules is required, got {type(modules).__name__}"
            )
        for module in modules:
            self.append(module)
        return self

    def pop(self, index: int = -1) -> Module:
        """Remove and return a module."""
        module: Module = self[index]
        del self[index]
        return module

    def __iadd__(self, other: Iterable[Module]) -> Any:
        return self.extend(other)

    def __add__(self, other: Iterable[Module]) -> Any:
        return self._like([*self, *other])


class Sequential(_Numbered):
    """Modules that run one after the other.

    >>> import rustorch
    >>> from rustorch import nn
    >>> net = nn.Sequential(nn.Linear(2, 4), nn.Flatten(), nn.Linear(4, 1))
    >>> tuple(net(rustorch.ones(3, 2)).shape)
    (3, 1)
    """

    def __init__(self, *args: Any) -> None:
        """Make one of modules, or of a single dict of named modules."""
        super().__init__()
        if len(args) == 1 and isinstance(args[0], Mapping):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for i, module in enumerate(args):
                self.add_module(str(i), module)

    def _like(self, modules: list[Module]) -> Any:
        return type(self)(*modules)

    def __delitem__(self, index: Any) -> None:
        numbered = all(name.isdigit() for name in self._modules)
        keys = list(self._modules)
        for key in keys[index] if isinstance(index, slice) else [self._key(index)]:
            del self._modules[key]
        if numbered:  # names that the user chose stay
            self._renumber(list(self._modules.values()))

    def forward(self, input: Any) -> Any:
        """Return what the last module makes of what the others make of `input`."""
        for module in self._modules.values():
            input = module(input)
        return input


class ModuleList(_Numbered):
    """A list of modules whose parameters are registered."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        """Make one of modules."""
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def _like(self, modules: list[Module]) -> Any:
        return type(self)(modules)

    def __repr__(self) -> str:
        """Show runs of equal modules once, as PyTorch does."""
        if not self._modules:
            return f"{self._get_name()}()"
        runs: list[tuple[int, int, str]] = []
        for i, text in enumerate(repr(m) for m in self):
            if runs and runs[-1][2] == text:
                runs[-1] = (runs[-1][0], i, text)
            else:
                runs.append((i, i, text))
        lines = []
        for first, last, text in runs:
            shown = (
                f"({first}): {text}" if first == last else f"({first}-{last}): {last - first + 1} x {text}"
            )
            lines.append("  " + shown.replace("\n", "\n  "))
        return f"{self._get_name()}(\n" + "\n".join(lines) + "\n)"


class ModuleDict(Module):
    """A dict of modules whose parameters are registered."""

    def __init__(self, modules: Any = None) -> None:
        """Make one of a mapping, or of pairs."""
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        return self._modules[key]  # type: ignore[no-any-return]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Remove all modules."""
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Remove and return a module."""
        return self._modules.pop(key)  # type: ignore[no-any-return]

    def keys(self) -> Any:
        """Return the names."""
        return self._modules.keys()

    def values(self) -> Any:
        """Return the modules."""
        return self._modules.values()

    def items(self) -> Any:
        """Return pairs of name and module."""
        return self._modules.items()

    def update(self, modules: Any) -> None:
        """Add or replace modules from a mapping or from pairs."""
        try:
            pairs = dict(modules).items()
        except (TypeError, ValueError):
            raise ArgumentTypeError(
                f"update: a mapping or pairs are required, got {type(modules).__name__}"
            ) from None
        for name, module in pairs:
            self[name] = module


class ParameterList(Module):
    """A list of parameters (tensors become parameters) whose members are registered."""

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        """Make one of tensors."""
        super().__init__()
        if values is not None:
            self.extend(values)

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._parameters.values()))

    def __getitem__(self, index: Any) -> Any:
        values = list(self._parameters.values())
        if isinstance(index, slice):
            return type(self)(values[index])
        try:
            return values[operator.index(index)]
        except IndexError:
            raise OutOfBoundsError(
                f"ParameterList: index {index} is out of range for {len(values)} parameters"
            ) from None

    def __setitem__(self, index: int, value: Any) -> None:
        name = list(self._parameters)[operator.index(index)]
        self._parameters[name] = _parameter(value)

    def append(self, value: Any) -> ParameterList:
        """Add a parameter at the end; return self."""
        self.register_parameter(str(len(self)), _parameter(value))
        return self

    def extend(self, values: Iterable[Any]) -> ParameterList:
        """Add parameters at the end; return self."""
        for value in values:
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[Any]) -> ParameterList:
        return self.extend(values)

    def extra_repr(self) -> str:
        """Return one line per parameter."""
        return _listed(self._parameters)


class ParameterDict(Module):
    """A dict of parameters (tensors become parameters) whose members are registered."""

    def __init__(self, parameters: Any = None) -> None:
        """Make one of a mapping, or of pairs."""
        super().__init__()
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        return self._parameters[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.register_parameter(key, _parameter(value))

    def __delitem__(self, key: str) -> None:
        del self._parameters[key]

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[str]:
        return iter(self._parameters)

    def __contains__(self, key: object) -> bool:
        return key in self._parameters

    def keys(self) -> Any:
        """Return the names."""
        return self._parameters.keys()

    def values(self) -> Any:
        """Return the parameters."""
        return self._parameters.values()

    def items(self) -> Any:
        """Return pairs of name and parameter."""
        return self._parameters.items()

    def update(self, parameters: Any) -> None:
        """Add or replace parameters from a mapping or from pairs."""
        for name, value in dict(parameters).items():
            self[name] = value

    def extra_repr(self) -> str:
        """Return one line per parameter."""
        return _listed(self._parameters)


def _parameter(value: Any) -> Parameter:
    if isinstance(value, Parameter):
        return value
    if isinstance(value, TensorBase):
        return Parameter(value)
    raise ArgumentTypeError(f"a parameter or tensor is required, got {type(value).__name__}")


def _listed(parameters: Any) -> str:
    lines = [
        f"({name}): Parameter of shape {tuple(p.shape)}, {p.dtype.name}" for name, p in parameters.items()
    ]
    return "\n".join(lines)
