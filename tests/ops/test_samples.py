"""Every public function on its own samples: forward, derivatives, layouts, aliasing."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import rustorch
from rustorch import ops
from rustorch.autograd import gradcheck, gradgradcheck
from rustorch.testing.cases import Case, cases, flat

ALL = list(cases())
FIXED = list(cases(without=frozenset({"random"})))
SMOOTH = [c for c in FIXED if c.function.differentiable and any(a.grad for a in c.operands)]
DEFINED = [c for c in FIXED if not c.function.name.startswith("empty")]  # those are uninitialised by nature
DEVICE = rustorch.get_default_device().type
DEVICES = sorted({DEVICE, "reference"})


def named(found: list[Case]) -> list[pytest.param]:
    return [pytest.param(c, id=c.name) for c in found]


def test_every_function_has_a_text_and_samples_or_a_reason() -> None:
    for name, entry in ops.functions.items():
        assert entry.function.__doc__, f"{name} has no docstring"
        assert (entry.sampler is None) == bool(entry.why_no_samples), (
            f"{name}: samples, or a reason why there are none"
        )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", named(DEFINED))
def test_forward_agrees_with_the_reference_backend(case: Case, dtype: str) -> None:
    expected = case.call(*case.build("reference", dtype))
    found = case.call(*case.build(DEVICE, dtype))
    assert len(found) == len(expected)
    tolerance = {"float32": 3e-6, "float64": 1e-12}[dtype]
    for a, b in zip(found, expected, strict=True):
        assert a.dtype is b.dtype
        assert a.shape == b.shape
        np.testing.assert_allclose(a.to_numpy(), b.to_numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("case", named(SMOOTH))
def test_first_and_second_derivatives(case: Case) -> None:
    args, kwargs = case.build(DEVICE, requires_grad=True)
    inputs = [x for x in flat(list(args) + list(kwargs.values())) if x.requires_grad]
    if not any(y.requires_grad for y in case.call(args, kwargs)):
        pytest.skip("the result of this function never requires grad")

    def function(*tensors: rustorch.Tensor) -> object:
        new = dict(zip(map(id, inputs), tensors, strict=True))

        def swap(value: object) -> object:
            if isinstance(value, (list, tuple)):
                return type(value)(swap(v) for v in value)
            return new.get(id(value), value)

        return case.function.function(*[swap(a) for a in args], **{k: swap(v) for k, v in kwargs.items()})

    assert gradcheck(function, tuple(inputs), eps=1e-6, atol=2e-6, rtol=1e-5)
    assert gradgradcheck(function, tuple(inputs), eps=1e-6, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("case", named([c for c in SMOOTH if len(c.operands) > 1]))
def test_gradients_do_not_depend_on_who_else_requires_one(case: Case) -> None:
    def gradients(wanted: tuple[int, ...]) -> dict[int, np.ndarray]:
        args, kwargs = case.build(DEVICE, requires_grad=wanted)
        operands = [x for x in flat(list(args) + list(kwargs.values())) if x.is_floating_point()]
        results = [y for y in case.call(args, kwargs) if y.requires_grad]
        if not results:
            return {}
        rustorch.autograd.backward([y.sum() for y in results])
        return {
            i: operands[i].grad.to_numpy()
            for i in wanted
            if i < len(operands) and operands[i].grad is not None
        }

    count = len(case.operands)
    together = gradients(tuple(range(count)))
    for size in range(1, count):
        for subset in itertools.combinations(range(count), size):
            for i, alone in gradients(subset).items():
                np.testing.assert_allclose(alone, together[i], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", named([c for c in FIXED if c.function.elementwise]))
@pytest.mark.parametrize("device", DEVICES)
def test_elementwise_functions_in_place_and_out(case: Case, device: str) -> None:
    args, kwargs = case.build(device)
    (expected,) = case.call(args, kwargs)
    out = rustorch.empty(expected.shape, dtype=expected.dtype, device=device)
    assert case.function.function(*args, out=out, **kwargs) is out
    np.testing.assert_array_equal(out.to_numpy(), expected.to_numpy())
    if case.function.inplace is not None and args[0].shape == expected.shape:
        target = args[0].clone()
        version = target._version
        assert case.function.inplace(target, *args[1:], **kwargs) is target
        np.testing.assert_array_equal(target.to_numpy(), expected.to_numpy())
        assert target._version > version
