"""Streams of a runtime that has them, and the one implicit stream of a runtime that has none."""

from collections.abc import Iterator

import numpy as np
import pytest

import rustorch
from rustorch import plugins
from rustorch.plugins import BackendInfo, DeviceInfo, hookimpl


class Mark:
    def __init__(self, log: list[str], name: str) -> None:
        self.log, self.name = log, name

    def synchronize(self) -> None:
        self.log.append(f"host waits for {self.name}")

    def query(self) -> bool:
        return False

    def elapsed_time(self, later: "Mark") -> float:
        return float(len(later.name) - len(self.name))


class Queue:
    def __init__(self, log: list[str], name: str) -> None:
        self.log, self.name = log, name

    def synchronize(self) -> None:
        self.log.append(f"{self.name} synchronized")

    def query(self) -> bool:
        return False

    def record(self) -> Mark:
        self.log.append(f"{self.name} recorded")
        return Mark(self.log, f"mark of {self.name}")

    def wait(self, event: Mark) -> None:
        self.log.append(f"{self.name} waits for {event.name}")


class Runtime:
    """Bytes on the host, and streams that write down what they are told."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.current = Queue(self.log, "main")

    def allocate(self, nbytes: int) -> np.ndarray:
        return np.zeros(nbytes, np.uint8)

    def free(self, buffer: np.ndarray, nbytes: int) -> None:
        pass

    def copy_from_host(self, buffer: np.ndarray, offset: int, source: memoryview) -> None:
        buffer[offset : offset + source.nbytes] = np.frombuffer(source, np.uint8)

    def copy_to_host(self, target: memoryview, buffer: np.ndarray, offset: int) -> None:
        np.frombuffer(target, np.uint8)[:] = buffer[offset : offset + target.nbytes]

    def synchronize(self) -> None:
        self.log.append("device synchronized")

    def info(self) -> DeviceInfo:
        return DeviceInfo("streams", dtypes=frozenset({"float32"}))

    def new_stream(self, priority: int) -> Queue:
        return Queue(self.log, f"side{priority}")

    def current_stream(self) -> Queue:
        return self.current

    def set_stream(self, stream: Queue) -> None:
        self.current = stream

    def record_stream(self, buffer: np.ndarray, stream: Queue) -> None:
        self.log.append(f"{buffer.nbytes} bytes used on {stream.name}")

    def copy_from_peer(
        self, buffer: np.ndarray, offset: int, runtime: object, source: np.ndarray, start: int, nbytes: int
    ) -> bool:
        if not isinstance(runtime, Runtime):
            return False
        buffer[offset : offset + nbytes] = source[start : start + nbytes]
        self.log.append(f"{nbytes} bytes from a peer")
        return True


class Plugin:
    @hookimpl
    def rustorch_backends(self) -> list[BackendInfo]:
        return [BackendInfo("streamed", probe=lambda: plugins.Ready(2))]

    @hookimpl
    def rustorch_open(self, name: str, ordinal: int) -> Runtime | None:
        return Runtime() if name == "streamed" else None


@pytest.fixture
def log() -> Iterator[list[str]]:
    plugins.register(Plugin(), "streamed")
    yield rustorch.device("streamed").runtime.log
    plugins.unregister("streamed")


def test_work_goes_to_the_stream_of_the_block(log: list[str]) -> None:
    side = rustorch.Stream("streamed", priority=3)
    runtime = rustorch.device("streamed").runtime
    with rustorch.stream(side):
        assert runtime.current.name == "side3"
        assert rustorch.current_stream("streamed").of_runtime is side.of_runtime
        with rustorch.Stream("streamed"):
            assert runtime.current.name == "side0"
        assert runtime.current.name == "side3"
    assert runtime.current.name == "main"


def test_the_stream_is_restored_after_an_error(log: list[str]) -> None:
    with pytest.raises(ZeroDivisionError), rustorch.stream(rustorch.Stream("streamed")):
        raise ZeroDivisionError
    assert rustorch.device("streamed").runtime.current.name == "main"


def test_marks_and_waiting(log: list[str]) -> None:
    side = rustorch.Stream("streamed")
    main = rustorch.current_stream("streamed")
    main.wait_stream(side)
    event = side.record_event()
    event.synchronize()
    side.synchronize()
    assert log == [
        "device synchronized",  # by the first stream: what is kept for all of them is ready
        "side0 recorded",
        "main waits for mark of side0",
        "side0 recorded",
        "host waits for mark of side0",
        "side0 synchronized",
    ]
    assert not event.query()
    assert event.elapsed_time(main.record_event()) == len("main") - len("side0")


def test_another_device_lets_the_host_wait(log: list[str]) -> None:
    event = rustorch.Stream("streamed").record_event()
    event.wait(rustorch.current_stream("reference"))
    assert log[-1] == "host waits for mark of side0"


def test_memory_used_on_another_stream_is_announced(log: list[str]) -> None:
    side = rustorch.Stream("streamed")
    x = rustorch.tensor([1.0, 2.0], device="streamed")
    x.record_stream(side)
    assert log[-1] == "8 bytes used on side0"


def test_peers_copy_without_the_host(log: list[str]) -> None:
    x = rustorch.tensor([[1.0, 2.0], [3.0, 4.0]], device="streamed")
    y = x[1].to("streamed:1")
    assert y.tolist() == [3.0, 4.0]
    assert rustorch.device("streamed:1").runtime.log == ["8 bytes from a peer"]
    assert x.to("reference").to("streamed").tolist() == x.tolist()


def test_a_device_without_streams_has_one() -> None:
    side = rustorch.Stream("reference")
    with rustorch.stream(side):
        x = rustorch.ones(2, device="reference") + 1
    start = side.record_event()
    rustorch.current_stream("reference").wait_stream(side)
    x.record_stream(side)
    assert side.query()
    assert start.query()
    assert start.elapsed_time(side.record_event()) >= 0
    assert x.tolist() == [2.0, 2.0]


def test_wrong_use_is_explained(log: list[str]) -> None:
    with pytest.raises(rustorch.DeviceError, match="recorded first"):
        rustorch.Event().synchronize()
    with (
        pytest.raises(rustorch.ArgumentTypeError, match=r"a rustorch\.Stream is required, got str"),
        rustorch.stream("side"),
    ):
        pass
    here, there = rustorch.Event(), rustorch.Event()
    here.record(rustorch.Stream("streamed"))
    there.record(rustorch.Stream("reference"))
    with pytest.raises(rustorch.DeviceError, match="two events of one device"):
        here.elapsed_time(there)


def test_a_plugin_of_kernels_alone_states_its_contract() -> None:
    class Kernels:
        RUSTORCH_CONTRACT = ">=9"

    with pytest.raises(rustorch.PluginError, match="written for contract >=9"):
        plugins.register(Kernels(), "kernels")
    assert "kernels" not in [record.name for record in plugins.records()]
