"""``Config``: the settings of the process under names, and a program's own beside them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rustorch import runtime
from rustorch.device import get_default_device, set_default_device
from rustorch.dtypes import get_default_dtype, set_default_dtype
from rustorch.errors import ArgumentError, ArgumentTypeError, SerializationError
from rustorch.utils.safefile import replacing

_SETTINGS: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {
    "device": (lambda: str(get_default_device()), set_default_device),
    "dtype": (lambda: get_default_dtype().name, set_default_dtype),
    "num_threads": (runtime.get_num_threads, runtime.set_num_threads),
}
#: Other frameworks of this name have these; here they would have no effect, so they are refused.
_REFUSED = {
    "backend": "the setting 'device' chooses the backend",
    "memory_limit": "rustorch.memory_stats() tells the use, rustorch.empty_cache() frees what is cached",
}
#: What the settings were before any Config changed them.
_before: dict[str, Any] = {}


class Config:
    """Settings by name.

    ``device`` (default: the best backend ready), ``dtype`` (``"float32"``) and ``num_threads`` (what the
    backend chose) are the process's: setting one takes effect at once, everywhere, and reading one tells
    what is in force.  Any other name is a value of the program's own, kept in this object.

    >>> from rustorch.utils import Config
    >>> config = Config()
    >>> config.get("dtype")
    'float32'
    >>> config.set("run", "baseline")
    >>> config.get("run")
    'baseline'
    """

    def __init__(self) -> None:
        self._own: dict[str, Any] = {}

    def set(self, key: str, value: Any) -> None:
        """Change a setting, or keep a value.

        Raises:
            ArgumentError: for a value that the setting does not take, or a setting that does not exist here.
            DeviceError: if the device is not there, or has no threads to set.
        """
        _check_key(key)
        setting = _SETTINGS.get(key)
        if setting is None:
            _check_plain(key, value)
            self._own[key] = value
            return
        read, write = setting
        if key not in _before:
            _before[key] = None if key == "device" else read()
        write(value)

    def get(self, key: str, default: Any = None) -> Any:
        """Return a setting or value; `default` if there is none of that name."""
        _check_key(key)
        return _SETTINGS[key][0]() if key in _SETTINGS else self._own.get(key, default)

    def all(self) -> dict[str, Any]:
        """Return all settings that the default device has, and all values."""
        found = {"device": self.get("device"), "dtype": self.get("dtype")}
        if hasattr(runtime.opened(get_default_device()).runtime, "get_num_threads"):
            found["num_threads"] = self.get("num_threads")
        return {**found, **self._own}

    def reset(self) -> None:
        """Put the settings back to what they were at first, and forget all values."""
        self._own.clear()
        for key in ("device", "dtype", "num_threads"):
            if key in _before:
                _SETTINGS[key][1](_before.pop(key))

    def save_to_file(self, path: str | os.PathLike[str]) -> None:
        """Write all settings and values as JSON.

        Raises:
            SerializationError: if the file cannot be written.
        """
        with replacing(path) as stream:
            stream.write(json.dumps(self.all(), indent=2).encode() + b"\n")

    def load_from_file(self, path: str | os.PathLike[str]) -> None:
        """Take settings and values from a JSON file; all are checked before the first is changed.

        Raises:
            SerializationError: if the file cannot be read or holds no JSON object.
        """
        try:
            found = json.loads(Path(path).read_text("utf-8"))
        except OSError as error:
            raise SerializationError(
                f"load_from_file: {path} cannot be read: {error.strerror or error}"
            ) from error
        except (ValueError, RecursionError) as error:
            raise SerializationError(f"load_from_file: {path} holds no JSON: {error}") from error
        if not isinstance(found, dict):
            raise SerializationError(
                f"load_from_file: {path} holds no JSON object, got {type(found).__name__}"
            )
        for key in found:
            _check_key(key)
        for key, value in found.items():
            self.set(key, value)

    def __repr__(self) -> str:
        return f"Config({self.all()})"


def _check_key(key: Any) -> None:
    if not isinstance(key, str) or not key:
        raise ArgumentTypeError(f"Config: a name is required, got {key!r}")
    if key in _REFUSED:
        raise ArgumentError(f"Config: RusTorch has no setting {key!r}", hint=_REFUSED[key])


def _check_plain(key: str, value: Any) -> None:
    try:
        json.dumps(value)
    except (TypeError, ValueError, RecursionError) as error:
        raise ArgumentTypeError(
            f"Config: {key} must be plain data (numbers, strings, lists, dicts), got {type(value).__name__}"
        ) from error
