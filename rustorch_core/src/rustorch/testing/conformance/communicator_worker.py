"""One process of a world under test: ``python -m ... SCHEME FOLDER PORT TIMEOUT NAME...``.

It writes what becomes of each program into ``FOLDER/RANK.jsonl``, a line per event.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from rustorch.distributed.communicator import connect
from rustorch.distributed.config import DistributedConfig, from_environment
from rustorch.errors import DTypeError, MissingKernelError
from rustorch.testing.conformance.communicator_programs import MISTAKES, World, programs


def main(arguments: list[str]) -> None:
    """Join the world and run the programs; end at the first that fails, since the others wait in it."""
    scheme, folder, port, timeout, quick, *names = arguments
    place = from_environment(scheme)
    config = DistributedConfig(
        scheme, place.world_size(), place.rank(), "localhost", int(port), timeout=float(timeout)
    )
    known = programs(quick=quick == "quick") | MISTAKES
    with (Path(folder) / f"{config.rank()}.jsonl").open("a", encoding="utf-8") as log:

        def note(event: str, name: str, text: str = "") -> None:
            log.write(json.dumps({"event": event, "name": name, "text": text}) + "\n")
            log.flush()

        world = World(connect(config), config)
        for name in names:
            note("begin", name)
            if not _ran(known[name], name, world, note):
                log.close()
                os._exit(1)  # without goodbye: the others may never come to one
        note("begin", CLOSING)
        world.communicator.close()
        note("done", CLOSING)


#: The last thing that a world does.
CLOSING = "world/-/close"


def _ran(program: Any, name: str, world: World, note: Any) -> bool:
    try:
        program(world)
    except (DTypeError, MissingKernelError) as error:
        if name in MISTAKES:
            note("failed", name, f"{type(error).__name__}: {error}")
            return False
        note("unsupported", name, str(error).partition("\n")[0])
    except Exception as error:  # noqa: BLE001 - a stranger's code may raise anything
        note("failed", name, f"{type(error).__name__}: {error}")
        return False
    else:
        note("done", name)
    return name not in MISTAKES


if __name__ == "__main__":
    main(sys.argv[1:])
