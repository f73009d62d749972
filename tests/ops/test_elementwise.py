"""What elementwise ops share: in-place forms and their history."""

import rustorch
from rustorch.autograd import gradcheck, gradgradcheck


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
