"""Worker processes import datasets by name, so the folder of this one is put where they look."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def no_leaks():
    """Check that a test leaves no processes, descriptors or names in /dev/shm behind."""
    import gc
    import multiprocessing

    multiprocessing.get_context("forkserver")
    names, open_files = shared_names(), descriptors()
    yield
    gc.collect()
    assert not multiprocessing.active_children()
    assert shared_names() == names
    # the fork server, if this was its first use, keeps a few for itself
    assert descriptors() <= open_files + 4


def shared_names():
    folder = Path("/dev/shm")
    return {p.name for p in folder.iterdir() if "rustorch" in p.name} if folder.is_dir() else set()


def descriptors():
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0
