"""The order and content of batches beside PyTorch's DataLoader; transforms beside its interpolation."""

import itertools

import numpy as np
import pytest
import torch
import torch.utils.data as theirs

import rustorch
import rustorch.utils.data as ours
from rustorch.data import transforms


def plain(batch):
    if isinstance(batch, (list, tuple)):
        return type(batch).__name__, [plain(b) for b in batch]
    if isinstance(batch, dict):
        return {key: plain(value) for key, value in batch.items()}
    if hasattr(batch, "tolist"):
        return str(batch.dtype).rpartition(".")[2], tuple(batch.shape), batch.tolist()
    return batch


@pytest.mark.parametrize("size", [1, 7, 8])
@pytest.mark.parametrize(
    ("batch_size", "drop_last"), [(3, False), (3, True), (4, True), (1, False), (None, False)]
)
def test_sequential_batches(size, batch_size, drop_last):
    data = np.arange(size * 2, dtype=np.float32).reshape(size, 2)
    mine = ours.DataLoader(ours.TensorDataset(rustorch.tensor(data)), batch_size, drop_last=drop_last)
    other = theirs.DataLoader(theirs.TensorDataset(torch.tensor(data)), batch_size, drop_last=drop_last)
    assert len(mine) == len(other)
    for a, b in itertools.zip_longest(mine, other):
        assert type(a) is type(b)
        assert [x.tolist() for x in a] == [x.tolist() for x in b]


@pytest.mark.parametrize(
    "samples",
    [
        [1, 2, 3],
        [1.5, 2.5],
        [True, False],
        ["a", "b"],
        [b"a"],
        [(1, 2.0), (3, 4.0)],
        [[1, "x"], [2, "y"]],
        [{"a": 1, "b": (2, 3)}, {"a": 4, "b": (5, 6)}],
        [np.float64(1), np.float64(2)],
        [np.int32(1)],
        [np.ones((2, 3), np.uint8)] * 2,
        [(np.zeros(2), 1)] * 3,
        [[], []],
    ],
    ids=str,
)
def test_collate(samples):
    assert normal(plain(ours.default_collate(samples))) == normal(plain(theirs.default_collate(samples)))
    assert normal(plain(ours.default_convert(samples[0]))) == normal(
        plain(theirs.default_convert(samples[0]))
    )


def normal(value):
    """Write dtypes alike: PyTorch's repr is torch.float32, ours may be rustorch.float32 or quoted."""
    return repr(value).replace("dtype('", "").replace("')", "")


class Shared:
    """A stream of 0 to 10, shared out among workers."""

    def __init__(self, info):
        self.info = info

    def __iter__(self):
        info = self.info()
        start, step = (info.id, info.num_workers) if info else (0, 1)
        return iter(range(start, 11, step))


class OurStream(Shared, ours.IterableDataset):
    pass


class TheirStream(Shared, theirs.IterableDataset):
    pass


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning")
@pytest.mark.parametrize("workers", [0, 1, 2, 3])
@pytest.mark.parametrize("drop_last", [False, True])
def test_streams_of_workers(workers, drop_last):
    options = {"num_workers": workers, "drop_last": drop_last}
    if workers:
        options["multiprocessing_context"] = "fork"
    mine = ours.DataLoader(OurStream(ours.get_worker_info), 2, **options)
    other = theirs.DataLoader(TheirStream(theirs.get_worker_info), 2, **options)
    assert [b.tolist() for b in mine] == [b.tolist() for b in other]


@pytest.mark.parametrize("options", [{"drop_last": True}, {"drop_last": False}])
@pytest.mark.parametrize(("size", "ranks"), [(10, 3), (9, 3), (2, 5), (7, 1)])
def test_distributed_sampler(size, ranks, options):
    for rank in range(ranks):
        args = (range(size), ranks, rank, False)
        mine, other = ours.DistributedSampler(*args, **options), theirs.DistributedSampler(*args, **options)
        assert list(mine) == list(other)
        assert len(mine) == len(other)


@pytest.mark.parametrize(
    "options",
    [
        {"num_workers": -1},
        {"timeout": -1},
        {"prefetch_factor": 2},
        {"persistent_workers": True},
        {"shuffle": True, "sampler": [0]},
        {"batch_size": 2, "batch_sampler": [[0]]},
        {"batch_size": None, "drop_last": True},
        {"batch_size": 0},
        {"multiprocessing_context": "fork"},
        {"multiprocessing_context": "nothing", "num_workers": 1},
    ],
    ids=str,
)
def test_both_refuse(options):
    for library in (ours, theirs):
        with pytest.raises(ValueError):
            library.DataLoader([1, 2, 3], **options)


@pytest.mark.parametrize("size", [(3, 4), (9, 11), (5, 7), (1, 1), (13, 2)])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_resize(size, mode):
    image = np.random.default_rng(0).standard_normal((2, 3, 5, 7)).astype(np.float32)
    align = {"align_corners": False} if mode == "bilinear" else {}
    expected = torch.nn.functional.interpolate(torch.tensor(image), size, mode=mode, **align).numpy()
    made = transforms.Resize(size, mode)(rustorch.tensor(image)).numpy()
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-6)
