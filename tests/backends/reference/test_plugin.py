import pytest

from rustorch.plugins import Ready, Runtime
from rustorch_reference import plugin
from rustorch_reference.dtypes import ALL

PRIMITIVES = """
    fill copy cast arange
    neg abs exp log sqrt sin floor tanh erf
    add sub mul div floor_divide remainder maximum minimum pow
    bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift
    lt eq where
    sum prod amax amin argmax argmin
    matmul gather scatter
    random_bits random_uniform random_normal
""".split()


def test_it_announces_one_backend_that_is_always_ready():
    (info,) = plugin.rustorch_backends()
    assert info.name == "reference"
    assert info.probe() == Ready(count=1)


def test_it_answers_for_itself_only():
    assert isinstance(plugin.rustorch_open("reference", 0), Runtime)
    assert plugin.rustorch_open("other", 0) is None
    info = plugin.rustorch_open("reference", 0).info()
    assert plugin.rustorch_kernels("other", info) == []


@pytest.mark.parametrize("op", PRIMITIVES)
def test_every_primitive_has_one_kernel_for_any_strides(op):
    kernels = plugin.rustorch_kernels("reference", plugin.rustorch_open("reference", 0).info())
    (kernel,) = (kernel for kernel in kernels if kernel.op == op)
    assert kernel.layout == "strided"
    assert kernel.dtypes <= ALL
