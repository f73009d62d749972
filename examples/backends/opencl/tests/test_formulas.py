"""The table of formulas against the declarations that kernels are generated from."""

from rustorch.plugins import declared_ops
from rustorch_opencl.formulas import ERRORS, FORMULAS
from rustorch_opencl.kernels import all_kernels
from rustorch_opencl.types import ALL, TYPES


def test_every_formula_belongs_to_a_declared_op_of_its_kind():
    ops = declared_ops()
    for kind, table in FORMULAS.items():
        for key in table:
            op = ops[key.partition("/")[0]]
            kinds = {TYPES[dtype].kind for dtype in op.signatures() if dtype in TYPES}
            assert kind in kinds, f"{key} is not defined for {kind} tensors"


def test_every_formula_that_can_fail_has_a_text():
    for table in FORMULAS.values():
        assert {key for key, formula in table.items() if "fail(" in formula} <= set(ERRORS)


def test_every_kernel_is_for_an_op_that_exists_and_no_dtype_twice():
    kernels = all_kernels(ALL)
    assert {k.op for k in kernels} <= set(declared_ops())
    names = [(k.op, dtype) for k in kernels for dtype in k.dtypes]
    assert len(names) == len(set(names))


def test_a_device_without_float64_has_kernels_for_the_rest():
    assert not any("float64" in k.dtypes for k in all_kernels(ALL - {"float64"}))
