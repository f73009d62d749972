"""Config changes the process's settings and keeps a program's own values."""

import json

import pytest

import rustorch
from rustorch import SerializationError
from rustorch.utils import Config


@pytest.fixture
def config(monkeypatch):
    monkeypatch.setenv("RUSTORCH_DEVICE", "cpu")  # a device with threads, whatever the run's default is
    rustorch.set_default_device(None)
    found = Config()
    yield found
    found.reset()
    monkeypatch.undo()
    rustorch.set_default_device(None)


def test_device_takes_effect(config):
    config.set("device", "reference")
    assert rustorch.ones(1).device.type == "reference"
    assert config.get("device") == "reference:0"
    config.reset()
    assert config.get("device") == str(rustorch.get_default_device()) != "reference:0"


def test_dtype_takes_effect(config):
    config.set("dtype", "float64")
    assert rustorch.tensor(1.0).dtype is rustorch.float64
    config.reset()
    assert rustorch.tensor(1.0).dtype is rustorch.float32


def test_num_threads_takes_effect(config):
    before = rustorch.get_num_threads()
    config.set("num_threads", before + 1)
    assert rustorch.get_num_threads() == before + 1
    config.reset()
    assert rustorch.get_num_threads() == before


def test_a_setting_changed_elsewhere_is_seen(config):
    config.set("dtype", "float64")
    rustorch.set_default_dtype(rustorch.float32)
    assert config.get("dtype") == "float32"


def test_values_of_ones_own(config):
    config.set("run", {"name": "a", "tags": [1, 2]})
    assert config.get("run") == {"name": "a", "tags": [1, 2]}
    assert config.get("nothing") is None
    assert config.get("nothing", 3) == 3
    assert config.all()["run"]["name"] == "a"
    config.reset()
    assert config.get("run") is None


def test_files(config, tmp_path):
    config.set("dtype", "float64")
    config.set("run", "a")
    config.save_to_file(tmp_path / "config.json")
    config.reset()
    config.load_from_file(tmp_path / "config.json")
    assert (config.get("dtype"), config.get("run")) == ("float64", "a")


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda c: c.set("memory_limit", 3), rustorch.ArgumentError, "no setting 'memory_limit'"),
        (lambda c: c.get("backend"), rustorch.ArgumentError, "no setting 'backend'"),
        (lambda c: c.set("dtype", "int64"), TypeError, "a floating-point dtype is required"),
        (lambda c: c.set("num_threads", 0), ValueError, "at least one thread"),
        (lambda c: c.set("num_threads", "2"), TypeError, "an integer is required"),
        (lambda c: c.set("device", "nowhere"), rustorch.DeviceError, "no backend is called 'nowhere'"),
        (lambda c: c.set("run", object()), TypeError, "run must be plain data"),
        (lambda c: c.set(3, 3), TypeError, "a name is required"),
        (lambda c: c.load_from_file("/no/such/file"), SerializationError, "cannot be read"),
    ],
)
def test_wrong_arguments(config, call, error, text):
    with pytest.raises(error, match=text):
        call(config)


@pytest.mark.parametrize("text", ["[1]", "{", "\x00"])
def test_damaged_files(config, tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(SerializationError, match="holds no JSON"):
        config.load_from_file(tmp_path / "config.json")


def test_a_file_with_a_refused_setting_changes_nothing(config, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"dtype": "float64", "backend": "native"}))
    with pytest.raises(rustorch.ArgumentError):
        config.load_from_file(tmp_path / "config.json")
    assert config.get("dtype") == "float32"
