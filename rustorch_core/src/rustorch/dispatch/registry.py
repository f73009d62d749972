"""All declared ops by name.  :mod:`rustorch.ops` fills it; kernel tables read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rustorch.ops.op import Op

ops: dict[str, Op] = {}
