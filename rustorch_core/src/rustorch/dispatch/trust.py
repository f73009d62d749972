"""Kernels that come from elsewhere are compared with what their op means before they are used.

A backend's own kernels are its plugin's affair, which the conformance suite grades.  One that another
plugin or :func:`rustorch.override` puts in their place is examined once per device, when it is
resolved for the first time; a wrong one is refused.  The examination needs tensors, samples and
decompositions, so a higher layer does it: the package `rustorch` sets `examine`.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rustorch.dispatch import policy

if TYPE_CHECKING:
    from rustorch.device import Device
    from rustorch.dispatch.contract import Kernel


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an examination found: `wrong` says what is wrong, `note` what could not be examined."""

    wrong: str = ""
    note: str = ""


#: Compares a kernel with what its op means; set by the package `rustorch`.
examine: Callable[[Kernel, Device], Verdict] = lambda _kernel, _device: Verdict()  # noqa: E731 - a variable, to be set

_lock = threading.RLock()
_known: dict[Any, tuple[Kernel, Verdict]] = {}  # keeps the kernels, so that the ids in the keys stay theirs
_busy: set[Any] = set()
_postponed = False  # an op was resolved without a kernel that was being examined


def _key(kernel: Kernel, plugin: str, device: Device) -> Any:
    """Identify what is examined: plugins may make new records of the same functions each time they are asked."""
    what = (kernel.op, id(kernel.fn), id(kernel.when), kernel.dtypes, kernel.layout, kernel.version)
    return (device, plugin, *what)


def verdict_on(kernel: Kernel, plugin: str, device: Device, *, quiet: bool = False) -> Verdict:
    """Return the verdict on a kernel, examining it if that has not been done on this device.

    While a kernel is examined it is not used: the ops that the examination itself runs do without.
    A refusal is warned of once, unless `quiet`.
    """
    global _postponed
    key = _key(kernel, plugin, device)
    known = _known.get(key)
    if known is not None:
        return known[1]
    with _lock:
        if key in _known:
            return _known[key][1]
        if key in _busy:
            _postponed = True
            return Verdict(wrong="it is being examined")
        _busy.add(key)
        try:
            verdict = examine(kernel, device)
        finally:
            _busy.discard(key)
        _known[key] = (kernel, verdict)
        if _postponed and not _busy:
            _postponed = False
            policy.rebuild()
    if verdict.wrong and not quiet:
        warnings.warn(
            f"{kernel.op}: the kernel of {plugin} is not used on {device}: {verdict.wrong}", stacklevel=2
        )
    return verdict


def forget(kernel: Kernel, plugin: str) -> None:
    """Forget what was found out about a kernel that is gone, on all devices."""
    with _lock:
        for key in [key for key in _known if key == _key(kernel, plugin, key[0])]:
            del _known[key]


def examining() -> bool:
    """Return whether a kernel is being examined: what runs then is no work of the user's."""
    return bool(_busy)
