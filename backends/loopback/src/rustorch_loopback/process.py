"""What belongs to the process: whether it is a fork of another, and numbers for streams."""

from __future__ import annotations

import itertools
import os

forked = False
next_number = itertools.count().__next__


def _note_fork() -> None:
    global forked
    forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)
