"""What elementwise ops share: in-place forms and their history."""

import rustorch
from rustorch.autograd import gradcheck, gradgradcheck
from rustorch.plugins import declared_ops


def test_an_in_place_op_keeps_the_operand_that_its_derivative_needs():
    x = rustorch.tensor([1.0, 2.0, 0.5], dtype="float64", requires_grad=True)

    def function(x):
        y = x * 2
        y.log_()
        y.mul_(x)
        y.mul_(y)
        return rustorch.nn.functional.silu(y, inplace=True)

    assert gradcheck(function, (x,))
    assert gradgradcheck(function, (x,))


def test_a_declaration_tells_how_its_kernels_are_called():
    ops = declared_ops()
    assert (ops["clamp"].operands, ops["clamp"].attributes) == (("input",), ("min", "max"))
    assert (ops["gelu_backward"].operands, ops["gelu_backward"].attributes) == (("g", "x"), ("approximate",))
    floats = {"float16", "bfloat16", "float32", "float64"}
    assert ops["exp"].signatures() == {name: name for name in floats}  # integers are converted before
    assert set(ops["floor"].signatures()) == floats | {"uint8", "int8", "int16", "int32", "int64"}
    assert ops["eq"].signatures()["complex64"] == ops["eq"].signatures()["bool"] == "bool"
