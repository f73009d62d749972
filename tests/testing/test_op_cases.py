"""The harvested calls of ops: every op that has kernels is there, in every layout with the same values."""

import numpy as np
import pytest

import rustorch
from rustorch.dispatch import registry
from rustorch.testing.op_cases import LAYOUTS, OpCase, _Harvest, all_op_cases, laid_out, op_cases

# Ops of the core's own: views, and fronts whose kernels have another name (`scatter` with a mode, `copy`).
WITHOUT_KERNELS = {
    *(
        "as_strided",
        "box",
        "diagonal",
        "expand",
        "flip",
        "permute",
        "reshape",
        "select",
        "slice",
        "unsqueeze",
    ),
    *("cat", "embedding", "overwrite", "pick", "place", "replace_part", "to_device", "window"),
    *("scatter_max", "scatter_set", "scatter_sum"),
}


def test_a_destination_may_hold_anything() -> None:
    out = rustorch.empty(1, device="reference")
    out.numpy(force=True).view(np.uint32)[:] = 0x7FA00000  # a signalling NaN
    harvest = _Harvest()
    harvest.around(registry.ops["random_uniform"], out.dtype, out.device, lambda _: None, out, (), {})
    assert np.isnan(harvest.found["random_uniform"][0].outs[0].values).all()


def test_every_op_with_kernels_has_cases() -> None:
    assert set(registry.ops) - set(all_op_cases()) == WITHOUT_KERNELS


def test_an_unknown_op_is_refused() -> None:
    with pytest.raises(rustorch.ArgumentError, match="no op is called 'sofmax'"):
        op_cases("sofmax")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 5), (2, 1, 4), (0, 3)])
def test_layouts_hold_the_same_values(layout: str, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    x = laid_out(values, rustorch.float64, rustorch.device("reference"), layout)
    np.testing.assert_array_equal(x.to_numpy(), values)


def test_layouts_are_what_they_say() -> None:
    device = rustorch.device("reference")
    values = np.arange(12.0).reshape(3, 4)

    def strides(layout: str, values: np.ndarray) -> tuple[int, ...]:
        return tuple(laid_out(values, rustorch.float64, device, layout).strides)

    assert strides("strided", values) == (1, 6)
    assert strides("reversed", values) == (-4, -1)
    assert strides("expanded", np.ones((3, 4))) == (0, 1)
    assert laid_out(values, rustorch.float64, device, "offset").offset == 3


@pytest.mark.parametrize(
    "op", ["softmax", "scatter", "adam_step", "cross_entropy", "where", "layer_norm_backward"]
)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_case_gives_the_same_on_two_devices_and_layouts(op: str, layout: str) -> None:
    for case in op_cases(op):
        found, expected = result(case, "cpu", layout), result(case, "reference", "contiguous")
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def result(case: OpCase, device: str, layout: str) -> list[np.ndarray]:
    out, inputs = case.build(device, layout=layout)
    case.run(out, inputs)
    return [o.to_numpy() for o in (out if case.several else (out,)) if o is not None]


def test_the_dtype_under_test_replaces_the_floating_ones() -> None:
    case = op_cases("cross_entropy")[0]
    (loss, log_probs), (logits, target, *_) = case.build("cpu", "float32")
    assert {x.dtype for x in (loss, log_probs, logits)} == {rustorch.float32}
    assert target.dtype is rustorch.int64
    case.run((loss, log_probs), (logits, target, *case.build("cpu", "float32")[1][2:]))
    assert np.isfinite(loss.to_numpy()).all()


def test_harvesting_leaves_no_trace() -> None:
    rustorch.manual_seed(3)
    before = rustorch.get_rng_state()
    all_op_cases.cache_clear()
    all_op_cases()
    assert rustorch.get_rng_state() == before
    table = rustorch.device("reference").kernels
    assert table.wrappers == ()


def test_hyper_parameters_keep_the_dtype_that_the_device_gives_them() -> None:
    _, (*_, gradient, hyper) = op_cases("adam_step")[0].build("cpu", "float16")
    assert gradient.dtype is rustorch.float16
    assert hyper.dtype is rustorch.float64
