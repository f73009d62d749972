"""A world of one needs nothing; a larger one needs a plugin, and uses it."""

import pytest

import rustorch
from rustorch import distributed, nn, plugins
from rustorch.distributed import DistributedConfig, DistributedDataParallel
from rustorch.distributed import config as configs
from rustorch.testing import assert_close


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(configs, "_latest", None)
    yield
    distributed.destroy_process_group()


class Communicator:
    """Stands for a world of two whose other process has gradients and values of its own."""

    def __init__(self, rank, world_size, options):
        self.rank, self.world_size, self.options = rank, world_size, options
        self.calls = []

    def all_reduce(self, tensor, op="sum"):
        self.calls.append(("all_reduce", tuple(tensor.shape), op))
        tensor.add_(3.0)

    def broadcast(self, tensor, src):
        self.calls.append(("broadcast", tuple(tensor.shape), src))
        tensor.fill_(1.0)

    def barrier(self):
        self.calls.append(("barrier",))

    def close(self):
        self.calls.append(("close",))


class Plugin:
    @plugins.hookimpl
    def rustorch_communicator(self, scheme, rank, world_size, options):
        if scheme == "broken":
            return object()
        return Communicator(rank, world_size, options) if scheme == "fake" else None


@pytest.fixture
def _plugin():
    plugins.register(Plugin(), "fake-communicator")
    yield
    plugins.unregister("fake-communicator")


class TestConfig:
    def test_defaults(self):
        config = DistributedConfig()
        assert (config.backend(), config.world_size(), config.rank()) == ("nccl", 1, 0)
        assert (config.master_addr(), config.master_port(), config.timeout()) == ("localhost", 29500, None)

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"world_size": 0}, "0 <= rank < world_size is required"),
            ({"rank": 1}, "got rank 1 of 1"),
            ({"world_size": 2.0}, "world_size must be an integer"),
            ({"backend": ""}, "backend must be a string"),
            ({"master_port": 0}, "master_port must be in 1 to 65535"),
            ({"timeout": 0}, "timeout must be positive"),
        ],
    )
    def test_wrong_arguments(self, arguments, text):
        with pytest.raises(rustorch.RusTorchError, match=text):
            DistributedConfig(**arguments)

    @pytest.mark.parametrize(
        ("environment", "expected"),
        [
            ({}, (1, 0)),
            ({"WORLD_SIZE": "4", "RANK": "2"}, (4, 2)),
            ({"OMPI_COMM_WORLD_SIZE": "3", "OMPI_COMM_WORLD_RANK": "1"}, (3, 1)),
            ({"SLURM_NTASKS": "8", "SLURM_PROCID": "7"}, (8, 7)),
            ({"WORLD_SIZE": "4"}, (1, 0)),
        ],
    )
    def test_launchers(self, environment, expected):
        config = configs.from_environment("mpi", environment=environment)
        assert (config.world_size(), config.rank()) == expected

    def test_wrong_environment(self):
        with pytest.raises(rustorch.ArgumentError, match="WORLD_SIZE and RANK must be integers"):
            configs.from_environment("mpi", environment={"WORLD_SIZE": "a", "RANK": "0"})


class TestWorldOfOne:
    def test_it_is_the_model(self):
        model = nn.Linear(2, 1)
        parallel = DistributedDataParallel(model, config=DistributedConfig())
        x = rustorch.ones(3, 2)
        assert_close(parallel(x), model(x))
        parallel(x).sum().backward()
        before = model.weight.grad.clone()
        parallel.sync_gradients()
        assert_close(model.weight.grad, before)

    def test_module_is_an_attribute_and_a_method(self):
        model = nn.Linear(2, 1)
        parallel = DistributedDataParallel(model)
        assert parallel.module() is model
        assert isinstance(parallel.module, nn.Linear)
        assert parallel.module.weight is model.weight
        assert_close(parallel.module(rustorch.ones(1, 2)), model(rustorch.ones(1, 2)))

    def test_names_are_those_of_pytorch(self):
        parallel = DistributedDataParallel(nn.Linear(2, 1))
        assert list(parallel.state_dict()) == ["module.weight", "module.bias"]
        assert not parallel.eval().module().training

    def test_functions(self):
        assert not distributed.is_initialized()
        assert (distributed.get_rank(), distributed.get_world_size()) == (0, 1)
        distributed.barrier()


class TestWithoutPlugin:
    def test_the_error_says_what_to_install(self):
        DistributedConfig(backend="nccl", world_size=4, rank=0)
        with pytest.raises(
            rustorch.MissingPackageError, match="no plugin provides a communicator for 'nccl'"
        ) as caught:
            DistributedDataParallel(nn.Linear(2, 1))
        assert "pip install rustorch[nccl]" in str(caught.value)

    def test_joining_a_world(self):
        with pytest.raises(ImportError, match=r"pip install rustorch\[mpi\]"):
            distributed.init_process_group("mpi", world_size=2, rank=0)
        assert not distributed.is_initialized()

    def test_is_available(self):
        assert not distributed.is_available()


@pytest.mark.usefixtures("_plugin")
class TestWithPlugin:
    def test_process_group(self):
        assert distributed.is_available()
        distributed.init_process_group("fake", world_size=2, rank=1)
        assert (distributed.get_rank(), distributed.get_world_size()) == (1, 2)
        with pytest.raises(rustorch.DeviceError, match="exists already"):
            distributed.init_process_group("fake")
        distributed.destroy_process_group()
        assert not distributed.is_initialized()

    def test_parameters_are_those_of_process_0_and_gradients_are_averaged(self):
        distributed.init_process_group(DistributedConfig("fake", 2, 0))
        model = nn.Linear(2, 1)
        parallel = DistributedDataParallel(model)
        assert (model.weight == 1).all()
        parallel(rustorch.ones(1, 2)).sum().backward()
        # this process has gradient 1, the other 3
        assert_close(model.weight.grad, rustorch.full((1, 2), 2.0))
        assert_close(model.bias.grad, rustorch.full((1,), 2.0))

    def test_frozen_parameters_are_left_alone(self):
        model = nn.Linear(2, 1)
        model.bias.requires_grad = False
        parallel = DistributedDataParallel(model, config=DistributedConfig("fake", 2, 0))
        parallel(rustorch.ones(1, 2)).sum().backward()
        assert model.bias.grad is None

    def test_a_plugin_that_returns_something_else(self):
        with pytest.raises(rustorch.PluginError, match="is no communicator"):
            distributed.init_process_group("broken", world_size=2, rank=0)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: DistributedDataParallel(3), "a module is required, got int"),
        (lambda: DistributedDataParallel(nn.Linear(1, 1), [0, 1]), "at most one device per process"),
        (lambda: DistributedDataParallel(nn.Linear(1, 1), find_unused_parameters=True), "is not supported"),
        (lambda: distributed.init_process_group("mpi", "tcp://x"), "init_method must be 'env://' or None"),
    ],
)
def test_wrong_arguments(call, text):
    with pytest.raises(rustorch.RusTorchError, match=text):
        call()
