"""Facts about the system."""

import json

import rustorch
from rustorch.utils import cuda_is_available, get_system_info, set_seed


def test_system_info_is_plain_and_names_every_ready_device():
    info = get_system_info()
    assert json.loads(json.dumps(info)) == info
    assert info["rustorch"] == rustorch.__version__
    names = [device["device"] for device in info["devices"]]
    assert {info["default_device"], "reference:0"} <= set(names)
    assert all(device["dtypes"] for device in info["devices"])


def test_set_seed():
    set_seed(5)
    first = rustorch.rand(3)
    set_seed(5)
    assert (rustorch.rand(3) == first).all()


def test_cuda_is_available_agrees():
    assert cuda_is_available() == rustorch.cuda.is_available()
