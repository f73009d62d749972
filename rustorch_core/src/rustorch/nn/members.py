"""The members of a module: a dict whose entries are attributes of the module as well."""

from __future__ import annotations

from typing import Any

_MISSING = object()


class Members(dict[str, Any]):
    """Parameters, buffers or submodules by name.

    Every change is repeated in the module's ``__dict__``, so that ``self.weight`` is a plain
    attribute lookup; PyTorch's ``__getattr__`` costs ten times that, in every forward.
    """

    __slots__ = ("_attributes",)

    def __init__(self, attributes: dict[str, Any]) -> None:
        super().__init__()
        self._attributes = attributes

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self._attributes[name] = value

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._attributes.pop(name, None)

    def pop(self, name: str, default: Any = _MISSING) -> Any:
        """Remove an entry and the attribute; return its value."""
        if name not in self and default is not _MISSING:
            return default
        value = self[name]
        del self[name]
        return value

    def clear(self) -> None:
        """Remove all entries and their attributes."""
        for name in list(self):
            del self[name]

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several entries."""
        for name, value in dict(*args, **kwargs).items():
            self[name] = value

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)
