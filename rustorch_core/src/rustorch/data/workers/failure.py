"""Errors that cross processes: the type, the text and the traceback of the original."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import dataclass
from typing import Any, NoReturn

from rustorch.errors import WorkerError


class _KeyText(str):
    """KeyError prints the repr of its argument, which would hide line breaks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception, as it can be sent."""

    where: str
    name: str
    kind: bytes | None  # the pickled type, if it can be
    text: str  # the formatted traceback

    @staticmethod
    def of(error: BaseException, where: str) -> Failure:
        """Return the record of an exception that is being handled."""
        try:
            kind = pickle.dumps(type(error))
        except Exception:  # noqa: BLE001 - a local class; the text has to do
            kind = None
        text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        return Failure(where, type(error).__name__, kind, text)

    def throw(self) -> NoReturn:
        """Raise an exception of the same type, its text with the original traceback.

        Raises:
            WorkerError: where no such exception can be made here, and for a StopIteration, which
                would end the caller's loop.
        """
        message = f"Caught {self.name} in {self.where}.\nOriginal {self.text}"
        raise self._made(message)

    def _made(self, message: str) -> Exception:
        if self.kind is not None:
            try:
                kind: Any = pickle.loads(self.kind)  # noqa: S301 - from a process that we started
                error = kind(_KeyText(message) if issubclass(kind, KeyError) else message)
            except Exception:  # noqa: BLE001 - a type that wants other arguments, or is unknown here
                return WorkerError(message)
            if isinstance(error, Exception) and not isinstance(error, StopIteration):
                return error
        return WorkerError(message)
