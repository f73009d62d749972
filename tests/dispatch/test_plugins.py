"""Plugins: found, refused at the door, added and removed while running."""

from __future__ import annotations

import numpy as np
import pytest

import rustorch
from rustorch import plugins
from rustorch.dispatch.plugins import contract_accepts
from rustorch.plugins import Absent, BackendInfo, DeviceInfo, Kernel, hookimpl


class Memory:
    """The smallest runtime: NumPy memory under another name."""

    def allocate(self, nbytes: int) -> np.ndarray:
        return np.empty(nbytes, np.uint8)

    def free(self, buffer: object, nbytes: int) -> None: ...

    def copy_from_host(self, buffer: np.ndarray, offset: int, source: memoryview) -> None:
        buffer[offset : offset + source.nbytes] = np.frombuffer(source, np.uint8)

    def copy_to_host(self, target: memoryview, buffer: np.ndarray, offset: int) -> None:
        np.frombuffer(target, np.uint8)[:] = buffer[offset : offset + target.nbytes]

    def synchronize(self) -> None: ...

    def info(self) -> DeviceInfo:
        return DeviceInfo("toy", dtypes=frozenset({"float32"}))


def array(view: object) -> np.ndarray:
    whole = view.storage.buffer.view(np.float32)
    return np.lib.stride_tricks.as_strided(whole[view.offset :], view.shape, [s * 4 for s in view.strides])


def fill(out: object, *, value: float) -> None:
    array(out)[...] = value


def copy(out: object, x: object) -> None:
    array(out)[...] = array(x)


def add(out: object, a: object, b: object) -> None:
    assert a.strides is a.shape.strides, "a contiguous kernel must not see other layouts"
    array(out)[...] = array(a) + array(b)


class Toy:
    name = "toy"
    kernels = (
        Kernel("fill", fill, frozenset({"float32"}), "strided"),
        Kernel("copy", copy, frozenset({"float32"}), "strided"),
        Kernel("add", add, frozenset({"float32"})),
    )

    @hookimpl
    def rustorch_backends(self) -> list[BackendInfo]:
        return [BackendInfo(self.name, priority=-5)]

    @hookimpl
    def rustorch_open(self, name: str, ordinal: int) -> Memory | None:
        return Memory() if name == self.name else None

    @hookimpl
    def rustorch_kernels(self, name: str) -> list[Kernel]:
        return list(self.kernels) if name == self.name else []


@pytest.fixture
def toy():
    plugins.register(Toy(), "toy")
    yield
    plugins.unregister("toy")


@pytest.mark.usefixtures("toy")
def test_a_backend_of_three_kernels() -> None:
    x = rustorch.tensor([[1.0, 2.0], [3.0, 4.0]], device="toy")
    y = x.t() + x
    assert y.tolist() == [[2.0, 5.0], [5.0, 8.0]]
    assert y.to("cpu").device() == "cpu:0"
    assert rustorch.provenance("toy")["add"] == {"float32": "toy"}


@pytest.mark.usefixtures("toy")
def test_a_missing_kernel_names_everything() -> None:
    x = rustorch.ones(3, device="toy")
    with pytest.raises(
        rustorch.MissingKernelError, match="exp: no kernel for float32 on device toy:0"
    ) as found:
        x.exp()
    assert 'rustorch.fallback("host")' in str(found.value)


@pytest.mark.usefixtures("toy")
def test_the_host_fallback_is_opt_in_warned_once_and_counted() -> None:
    rustorch.dispatch.reset_fallback_report()
    x = rustorch.ones(3, device="toy")
    with rustorch.fallback("host"):
        with pytest.warns(UserWarning, match="exp: runs on cpu:0 for device toy:0"):
            y = x.exp()
        x.exp()
    np.testing.assert_allclose(y.to_numpy(), np.full(3, np.e), rtol=1e-6)
    report = rustorch.fallback_report()
    assert report["host"]["toy:0"] == {"exp": 2}
    assert report["host_bytes"]["toy:0"]["exp"] == 2 * (12 + 12 + 12)
    with pytest.raises(rustorch.MissingKernelError):
        x.exp()


@pytest.mark.usefixtures("toy")
def test_a_dtype_that_the_device_lacks() -> None:
    with pytest.raises(
        rustorch.DTypeError, match="float64 does not exist on device toy:0, which has float32"
    ):
        rustorch.zeros(3, dtype="float64", device="toy")


@pytest.mark.usefixtures("toy")
def test_devices_do_not_mix() -> None:
    here = rustorch.get_default_device()
    with pytest.raises(rustorch.DeviceError, match=f"all tensors must be on one device, got toy:0, {here}"):
        rustorch.ones(3, device="toy") + rustorch.ones(3)
    with pytest.raises(rustorch.DeviceIndexError, match=r"the backend has 1 device\(s\), got index 3"):
        rustorch.ones(3, device="toy:3")


def test_an_unknown_backend_says_what_is_there() -> None:
    with pytest.raises(
        rustorch.DeviceError, match=r"no backend is called 'warp'; installed are .*cpu.*reference"
    ):
        rustorch.ones(3, device="warp")


def test_a_removed_backend_is_gone() -> None:
    plugins.register(Toy(), "toy")
    rustorch.ones(3, device="toy")
    plugins.unregister("toy")
    with pytest.raises(rustorch.DeviceError, match="no backend is called 'toy'"):
        rustorch.ones(3, device="toy")


class TooNew(Toy):
    name = "new"

    @hookimpl
    def rustorch_backends(self) -> list[BackendInfo]:
        return [BackendInfo("new", contract=">=2.0")]


class Misspelt:
    @hookimpl
    def rustorch_backend(self) -> list[BackendInfo]:
        return []


class WrongArgument:
    @hookimpl
    def rustorch_open(self, nmae: str) -> None: ...


class NotARecord:
    @hookimpl
    def rustorch_backends(self) -> list[str]:
        return ["cpu2"]


class Taken(Toy):
    name = "cpu"


@pytest.mark.parametrize(
    ("plugin", "text"),
    [
        (TooNew(), r"plugin 'x': written for contract >=2.0, this core has 1.1"),
        (Misspelt(), "rustorch_backend"),
        (WrongArgument(), "nmae"),
        (NotARecord(), "must return BackendInfo records, got 'cpu2'"),
        (Taken(), "a backend called 'cpu' is registered already"),
    ],
)
def test_refused_at_the_door(plugin: object, text: str) -> None:
    with pytest.raises(rustorch.PluginError, match=text):
        plugins.register(plugin, "x")
    assert "x" not in {r.name for r in plugins.records()}
    plugins.register(Toy(), "x")  # the name is free again
    plugins.unregister("x")


def test_a_probe_that_fails_is_no_crash() -> None:
    class Driverless(Toy):
        name = "driverless"

        @hookimpl
        def rustorch_backends(self) -> list[BackendInfo]:
            return [BackendInfo("driverless", probe=lambda: Absent("no driver found", "install one"))]

    class Broken(Toy):
        name = "broken"

        @hookimpl
        def rustorch_backends(self) -> list[BackendInfo]:
            return [BackendInfo("broken", probe=lambda: 1 / 0)]

    for made, text in (
        (Driverless(), "no driver found\nHint: install one"),
        (Broken(), "its probe failed: ZeroDivisionError"),
    ):
        plugins.register(made, made.name)
        with pytest.raises(rustorch.DeviceError, match=text):
            rustorch.ones(1, device=made.name)
        plugins.unregister(made.name)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [(">=1.0,<2", True), (">=1.1", False), ("==1.0", True), ("<1", False), (">0.9, <=1.0", True)],
)
def test_contract_ranges(spec: str, expected: bool) -> None:
    assert contract_accepts(spec, (1, 0)) is expected


def test_observers_see_every_op_and_cost_nothing_when_gone() -> None:
    seen = []

    class Watch:
        def around(self, op, dtype, device, call, out, inputs, attrs):
            seen.append((op.name, dtype.name, str(device)))
            call(out, *inputs, **attrs)

        def watches(self, device):
            return device == "reference"

    x = rustorch.ones(3, device="reference")
    other = rustorch.ones(3, device="cpu")
    plain = x.device.kernels["add"][rustorch.float32]
    with rustorch.dispatch.observing(Watch()):
        (x + x).exp()
        other + other  # not watched
    assert seen == [("add", "float32", "reference:0"), ("exp", "float32", "reference:0")]
    assert x.device.kernels["add"][rustorch.float32] is plain
