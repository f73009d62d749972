"""A backend as `rustorch new-backend` writes it, in use under the name `fresh`."""

import sys

import pytest

from rustorch.cli import new_backend
from rustorch.plugins import register, unregister


@pytest.fixture(scope="session")
def fresh(tmp_path_factory):
    """The folder of the package; its backend is registered."""
    folder = new_backend.write("fresh", tmp_path_factory.mktemp("fresh"))[0].parent
    sys.path.insert(0, str(folder / "src"))
    try:
        from rustorch_fresh import plugin
    finally:
        sys.path.remove(str(folder / "src"))
    register(plugin, "fresh")
    yield folder
    unregister("fresh")
