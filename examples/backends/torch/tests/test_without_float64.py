"""What takes the place of the core's decompositions where a device has no float64."""

from __future__ import annotations

import rustorch
from rustorch_torch.kernels import WITHOUT_FLOAT64


def test_normal_numbers_have_the_bits_of_every_other_device():
    rustorch.manual_seed(7)
    expected = rustorch.randn(5, 101, device="reference")
    (kernel,) = WITHOUT_FLOAT64
    rustorch.manual_seed(7)
    how = {"dtypes": kernel.dtypes, "layout": kernel.layout}
    with rustorch.override(kernel.op, kernel.fn, device="torch:cpu", **how):
        found = rustorch.randn(5, 101, device="torch:cpu")
    assert found.tolist() == expected.tolist()
