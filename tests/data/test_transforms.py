import numpy as np
import pytest
import worker_datasets as given

import rustorch
from rustorch.data import DataLoader, Transform, transforms
from rustorch.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError

IMAGE = np.arange(2 * 5 * 7, dtype=np.float32).reshape(2, 5, 7)


def both(transform, array=IMAGE, seed=0):
    """Return what a transform makes of an array, after checking that it makes the same of a tensor."""
    rustorch.manual_seed(seed)
    result = transform(array.copy())
    rustorch.manual_seed(seed)
    other = transform(rustorch.tensor(array))
    assert isinstance(result, np.ndarray)
    assert isinstance(other, rustorch.Tensor)
    assert result.dtype == other.to_numpy().dtype == array.dtype
    np.testing.assert_allclose(result, other.to_numpy(), rtol=1e-6)
    return result


# -- values ----------------------------------------------------------------------------------------------


def test_to_tensor():
    image = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    made = transforms.ToTensor()(image)
    assert made.shape == (3, 2, 4)
    assert made.dtype is rustorch.float32
    np.testing.assert_array_equal(made.to_numpy(), image.transpose(2, 0, 1) / np.float32(255))
    assert transforms.ToTensor()(np.full((2, 2), 255, np.uint8)).tolist() == [[[1.0, 1.0], [1.0, 1.0]]]
    assert transforms.ToTensor()(np.full((2, 2, 1), 7, np.int64)).dtype is rustorch.int64


def test_to_tensor_copies():
    image = np.ones((2, 2), np.float32)
    made = transforms.ToTensor()(image)
    image[:] = 5
    assert made.max().item() == 1


def test_to_tensor_takes_what_numpy_reads():
    class Picture:
        def __array__(self, dtype=None, copy=None):
            return np.full((2, 3, 3), 255, np.uint8)

    assert transforms.ToTensor()(Picture()).shape == (3, 2, 3)


def test_normalize():
    np.testing.assert_allclose(both(transforms.Normalize(mean=0.5, std=0.2)), (IMAGE - 0.5) / 0.2, rtol=1e-6)
    per_channel = both(transforms.Normalize([1, 2], (3, 4)))
    np.testing.assert_allclose(per_channel[1], (IMAGE[1] - 2) / 4, rtol=1e-6)
    batch = both(transforms.Normalize([1.0, 2.0], 2.0), np.stack([IMAGE] * 3))
    assert batch.shape == (3, 2, 5, 7)
    assert both(transforms.normalize(), np.ones(3, np.float64)).tolist() == [1, 1, 1]
    x = rustorch.ones(2)
    assert transforms.Normalize(1, 2, inplace=True)(x) is x
    assert x.tolist() == [0, 0]


def test_convert_and_functions():
    assert transforms.ConvertDtype("float64")(rustorch.ones(1)).dtype is rustorch.float64
    assert transforms.ConvertDtype(rustorch.int32)(np.ones(1)).dtype == np.int32
    assert transforms.Lambda(lambda x: x + 1)(1) == 2


# -- geometry --------------------------------------------------------------------------------------------


def test_resize():
    constant = np.full((1, 3, 3), 4, np.float32)
    assert both(transforms.Resize((5, 2)), constant).tolist() == np.full((1, 5, 2), 4).tolist()
    assert both(transforms.Resize(10)).shape == (2, 10, 14)
    assert both(transforms.Resize(10), IMAGE.transpose(0, 2, 1).copy()).shape == (2, 14, 10)
    assert both(transforms.Resize((5, 7))).tolist() == IMAGE.tolist()
    line = np.array([[0, 100]], np.uint8)
    assert both(transforms.Resize((1, 4)), line).tolist() == [[0, 25, 75, 100]]
    assert both(transforms.Resize((1, 4), "nearest"), line).tolist() == [[0, 0, 100, 100]]
    assert transforms.Resize(3)(rustorch.zeros(8, 8, dtype=rustorch.int64)).dtype is rustorch.int64


def test_resize_is_differentiable():
    x = rustorch.ones(1, 4, 4, requires_grad=True)
    transforms.Resize((8, 8))(x).sum().backward()
    np.testing.assert_allclose(x.grad.to_numpy(), np.full((1, 4, 4), 4.0), rtol=1e-6)


def test_pad():
    padded = both(transforms.Pad((1, 2, 3, 4), fill=9))
    np.testing.assert_array_equal(padded, np.pad(IMAGE, ((0, 0), (2, 4), (1, 3)), constant_values=9))
    for mode in ("edge", "reflect", "symmetric"):
        expected = np.pad(IMAGE, ((0, 0), (2, 2), (1, 1)), mode=mode)
        np.testing.assert_array_equal(both(transforms.Pad((1, 2), padding_mode=mode)), expected)


def test_center_crop():
    assert both(transforms.CenterCrop(3)).tolist() == IMAGE[:, 1:4, 2:5].tolist()
    assert both(transforms.CenterCrop((7, 3))).shape == (2, 7, 3)
    assert both(transforms.CenterCrop((7, 3)))[:, 0].max() == 0


def test_random_crop():
    seen = {both(transforms.RandomCrop((4, 6)), seed=s)[0, 0, 0] for s in range(40)}
    assert seen == {0, 1, 7, 8}, "every place"
    assert both(transforms.RandomCrop(5, padding=2)).shape == (2, 5, 5)
    assert both(transforms.RandomCrop(9, pad_if_needed=True, fill=-1)).min() == -1
    assert both(transforms.RandomCrop((5, 7))).tolist() == IMAGE.tolist()


def test_flips():
    assert both(transforms.RandomHorizontalFlip(1.0)).tolist() == IMAGE[..., ::-1].tolist()
    assert both(transforms.RandomVerticalFlip(1.0)).tolist() == IMAGE[..., ::-1, :].tolist()
    assert both(transforms.RandomHorizontalFlip(0.0)).tolist() == IMAGE.tolist()
    flipped = sum(both(transforms.RandomHorizontalFlip(), seed=s)[0, 0, 0] != 0 for s in range(60))
    assert 15 < flipped < 45


# -- together ----------------------------------------------------------------------------------------------


def test_compose():
    chain = transforms.Compose([transforms.ToTensor(), transforms.Resize(8), transforms.CenterCrop(6)])
    assert chain(np.zeros((10, 12, 3), np.uint8)).shape == (3, 6, 6)
    assert len(chain) == 3
    assert isinstance(chain[1], transforms.Resize)
    assert repr(chain) == "Compose([ToTensor(), Resize(8, interpolation='bilinear'), CenterCrop((6, 6))])"


def test_documented_names():
    assert rustorch.data.transforms is transforms
    assert isinstance(transforms.normalize(mean=0.0, std=1.0), transforms.Normalize)
    assert both(transforms.resize(height=3, width=4)).shape == (2, 3, 4)
    assert both(transforms.random_crop(size=4)).shape == (2, 4, 4)
    assert isinstance(transforms.random_horizontal_flip(p=0.5), transforms.RandomHorizontalFlip)
    chain = rustorch.data.Transforms([Transform("resize", {"height": 6.0, "width": 6.0})])
    chain.append(Transform("normalize", {"mean": 1.0, "std": 2.0}))
    chain.append(Transform("horizontal_flip", {"p": 1.0}))
    chain.append(Transform("random_crop", {"size": 3}))
    assert len(chain) == 4
    assert both(chain).shape == (2, 3, 3)


def test_transforms_work_in_workers():
    crop = transforms.Compose(
        [transforms.ToTensor(), transforms.RandomCrop(20), transforms.Normalize(0.5, 0.5)]
    )
    images = [np.full((24, 24, 3), i, np.uint8) for i in range(4)]
    loader = DataLoader(images, 2, num_workers=1, collate_fn=given.Apply(crop))
    assert [tuple(b.shape) for b in loader] == [(2, 3, 20, 20)] * 2


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (lambda: transforms.Resize(0), ArgumentError, "Resize: size must be a positive integer or"),
        (lambda: transforms.Resize((1, 2, 3)), ArgumentError, r"got \(1, 2, 3\)"),
        (
            lambda: transforms.Resize(3, "bicubic"),
            ArgumentError,
            "must be 'bilinear' or 'nearest', got 'bicubic'",
        ),
        (lambda: transforms.RandomCrop("a"), ArgumentError, "RandomCrop: size must be"),
        (lambda: transforms.RandomCrop(3, padding=-1), ArgumentError, "padding must be 1, 2 or 4 integers"),
        (
            lambda: transforms.Pad(1, padding_mode="wrap"),
            ArgumentError,
            "padding_mode must be one of constant",
        ),
        (lambda: transforms.RandomHorizontalFlip(2), ArgumentError, "p must be between 0 and 1, got 2"),
        (lambda: transforms.Normalize(0, 0), ArgumentError, "std must not be 0"),
        (lambda: transforms.Normalize("a", 1), ArgumentTypeError, "mean must be a number or a sequence"),
        (lambda: transforms.Normalize([[1]], 1), ArgumentError, r"one per channel, got shape \(1, 1\)"),
        (lambda: transforms.Compose([3]), ArgumentTypeError, "transforms must be callable, got int"),
        (lambda: transforms.Lambda(3), ArgumentTypeError, "a callable is required"),
        (lambda: Transform("blur"), ArgumentError, "name must be one of normalize, resize"),
        (lambda: Transform("resize", {"depth": 1}), ArgumentTypeError, "resize has no such parameters"),
        (
            lambda: transforms.Resize(3)([1]),
            ArgumentTypeError,
            "expected a Tensor or a NumPy array, got list",
        ),
        (lambda: transforms.Resize(3)(np.zeros(3)), ShapeError, r"expected shape \(..., H, W\), got \(3,\)"),
        (lambda: transforms.Resize(3)(np.zeros((0, 3))), ShapeError, "an empty image"),
        (
            lambda: transforms.RandomCrop(9)(IMAGE),
            ShapeError,
            r"must not be smaller than \(9, 9\), got \(5, 7\)",
        ),
        (
            lambda: transforms.Pad(9, padding_mode="reflect")(IMAGE),
            ShapeError,
            "reflect needs padding less than",
        ),
        (lambda: transforms.Normalize([1, 2, 3], 1)(IMAGE), ShapeError, r"expected shape \(..., 3, H, W\)"),
        (
            lambda: transforms.Normalize(0, 1)(np.ones(3, int)),
            DTypeError,
            "a floating-point input is required",
        ),
        (lambda: transforms.ToTensor()(np.zeros(3)), ShapeError, r"\(H, W\) or \(H, W, C\), got \(3,\)"),
        (lambda: transforms.ToTensor()("x"), ArgumentTypeError, "an image of numbers is required, got str"),
        (lambda: transforms.ToTensor()(rustorch.ones(2, 2)), ArgumentTypeError, "got a Tensor"),
    ],
)
def test_refusals(make, kind, text):
    with pytest.raises(kind, match=text):
        make()
