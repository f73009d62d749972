"""The compatibility module: without the backend a clear error, with one the generic functions."""

import pytest

import rustorch
from rustorch import cuda, plugins

pytestmark = pytest.mark.skipif(
    "cuda" in {backend.name for record in plugins.records() for backend in record.backends},
    reason="a cuda backend is installed; these tests bring a stand-in of their own",
)


def test_without_the_backend():
    assert not cuda.is_available()
    assert cuda.device_count() == 0
    cuda.empty_cache()
    for use in (lambda: cuda.device(0), cuda.synchronize, cuda.memory_allocated, cuda.current_device):
        with pytest.raises(rustorch.DeviceError, match="no backend is called 'cuda'") as caught:
            use()
        assert "pip install rustorch[cuda]" in str(caught.value)


def test_other_devices_are_refused():
    with pytest.raises(rustorch.DeviceError, match="a cuda device is required, got reference:0"):
        cuda.device("reference")


class StandIn:
    """Two devices of the name, with the runtime of the reference backend."""

    @plugins.hookimpl
    def rustorch_backends(self):
        return [plugins.BackendInfo("cuda", probe=lambda: plugins.Ready(2))]

    @plugins.hookimpl
    def rustorch_open(self, name):
        from rustorch_reference.runtime import ReferenceRuntime

        return ReferenceRuntime() if name == "cuda" else None

    @plugins.hookimpl
    def rustorch_kernels(self, name):
        from rustorch_reference.kernels import KERNELS

        return KERNELS if name == "cuda" else []


@pytest.fixture
def _stand_in():
    plugins.register(StandIn(), "stand-in")
    yield
    plugins.unregister("stand-in")


@pytest.mark.usefixtures("_stand_in")
def test_with_a_backend():
    assert cuda.is_available()
    assert cuda.device_count() == 2
    device = cuda.device(1)
    x = rustorch.ones(10).to(device)
    assert str(x.device) == "cuda:1"
    assert rustorch.ones(3).cuda().device is cuda.device(0)
    assert cuda.memory_allocated(1) >= 40
    assert cuda.max_memory_allocated(1) >= cuda.memory_allocated(1)
    assert cuda.memory_reserved(1) >= 40
    assert cuda.get_device_name(1).startswith("NumPy")
    assert cuda.get_device_properties(1).dtypes
    cuda.synchronize()
    assert cuda.current_device() == 0
    with device:
        assert cuda.current_device() == 1
    with pytest.raises(rustorch.DeviceIndexError, match="has 2 device"):
        cuda.device(2)
