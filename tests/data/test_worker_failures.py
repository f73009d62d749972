import os
import signal
import threading
import time

import pytest
import worker_datasets as given

from rustorch.data import DataLoader
from rustorch.errors import RusTorchError, ShapeError, WorkerError, WorkerTimeoutError

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.mark.parametrize(
    ("what", "kind", "text"),
    [
        ("value_error", ValueError, "no such picture"),
        ("key_error", KeyError, "a key"),
        ("rustorch_error", ShapeError, "got"),
        ("needs_two", WorkerError, "Caught NeedsTwoError"),
        ("local", WorkerError, "LocalError: from inside"),
        ("stop", WorkerError, "StopIteration"),
    ],
)
def test_errors_keep_type_and_traceback(what, kind, text):
    loader = DataLoader(given.Misbehaving(what), 2, num_workers=2)
    with pytest.raises(kind) as raised:
        list(loader)
    message = str(raised.value)
    assert "in DataLoader worker process 1.\nOriginal Traceback (most recent call last):\n" in message
    assert "worker_datasets.py" in message
    assert f"in {what}" in message
    assert text in message


def test_a_pass_can_go_on_after_an_error():
    iterator = iter(DataLoader(given.Misbehaving("value_error"), 2, num_workers=2))
    got, errors = [], 0
    while True:
        try:
            got.append(next(iterator)[1].tolist())
        except StopIteration:
            break
        except ValueError:
            errors += 1
    assert errors == 1
    assert got == [[0, 1], *([i, i + 1] for i in range(4, 20, 2))]


def test_errors_of_collate_fn_and_init():
    with pytest.raises(OSError, match=r"worker \d cannot open its file"):
        next(iter(DataLoader(given.Images(), 2, num_workers=2, worker_init_fn=given.failing_init)))
    with pytest.raises(TypeError, match="in DataLoader worker process 0"):
        next(iter(DataLoader(given.Images(), 2, num_workers=1, collate_fn=given.failing_collate)))


@pytest.mark.parametrize(
    ("what", "text"), [("die", "was killed by signal SIGKILL"), ("leave", "exited with code 3")]
)
def test_a_worker_that_dies_is_reported_at_once(what, text):
    start = time.monotonic()
    with pytest.raises(WorkerError, match=rf"DataLoader: worker 1 \(pid \d+\) {text}") as raised:
        list(DataLoader(given.Misbehaving(what), 2, num_workers=2))
    assert time.monotonic() - start < 5
    assert isinstance(raised.value, RusTorchError)
    assert isinstance(raised.value, RuntimeError)


def test_a_worker_killed_from_outside():
    iterator = iter(DataLoader(given.Slow(), 2, num_workers=2))
    next(iterator)
    os.kill(iterator._group.members[0].process.pid, signal.SIGKILL)
    start = time.monotonic()
    with pytest.raises(WorkerError, match=r"worker 0 .* SIGKILL"):
        list(iterator)
    assert time.monotonic() - start < 5
    with pytest.raises(WorkerError, match="the workers have ended, after WorkerError: DataLoader: worker 0"):
        next(iterator)


def test_an_idle_persistent_worker_killed_from_outside():
    loader = DataLoader(given.Images(), 2, num_workers=2, persistent_workers=True)
    expected = len(list(loader))
    for member in loader._kept._group.members:
        os.kill(member.process.pid, signal.SIGKILL)
        member.process.join()
    with pytest.raises(WorkerError, match="SIGKILL"):
        list(loader)
    assert len(list(loader)) == expected, "the next pass has new workers"
    del loader


def test_timeout():
    start = time.monotonic()
    with pytest.raises(WorkerTimeoutError, match=r"DataLoader: timed out after 0.5 seconds") as raised:
        list(DataLoader(given.Misbehaving("hang"), 2, num_workers=2, timeout=0.5))
    assert isinstance(raised.value, TimeoutError)
    assert time.monotonic() - start < 5


@pytest.fixture
def interruptible():
    """A process that was started in the background ignores SIGINT; here it is to raise KeyboardInterrupt."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_the_workers():
    # the timeout only keeps a lost signal from hanging the tests
    iterator = iter(DataLoader(given.Misbehaving("hang"), 2, num_workers=2, timeout=60))
    pids = [m.process.pid for m in iterator._group.members]
    next(iterator)

    def press():
        time.sleep(0.3)
        for pid in (*pids, os.getpid()):  # as a terminal does: to the whole group
            os.kill(pid, signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        list(iterator)
    thread.join()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_errors_in_this_process_stay_as_they_are():
    with pytest.raises(ValueError, match=r"^no such picture$"):
        list(DataLoader(given.Misbehaving("value_error"), 2))
    with pytest.raises(RusTorchError, match="the dataset or collate_fn raised StopIteration"):
        list(DataLoader(given.Misbehaving("stop"), 2))
