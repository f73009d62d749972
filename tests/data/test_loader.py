import pytest
from worker_datasets import Images, Numbers

import rustorch
from rustorch.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    SequentialSampler,
    Subset,
    TensorDataset,
    default_collate,
)
from rustorch.errors import ArgumentError, ArgumentTypeError, OutOfBoundsError


def dataset(count=10):
    return TensorDataset(rustorch.arange(2.0 * count).reshape(count, 2), rustorch.arange(count))


def labels(loader):
    return [batch[1].tolist() for batch in loader]


def test_batches_are_lists():
    (first, *_) = DataLoader(dataset(), batch_size=4)
    assert isinstance(first, list)
    assert [tuple(t.shape) for t in first] == [(4, 2), (4,)]
    assert labels(DataLoader(dataset(), 4)) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert labels(DataLoader(dataset(), 4, drop_last=True)) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert [len(DataLoader(dataset(), 4, drop_last=d)) for d in (False, True)] == [3, 2]


def test_shuffling_is_new_in_every_pass_and_reproducible():
    def passes(seed):
        loader = DataLoader(dataset(), 4, shuffle=True, generator=rustorch.Generator().manual_seed(seed))
        return [[i for batch in labels(loader) for i in batch] for _ in range(2)]

    first, second = passes(0)
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert passes(0) == [first, second]
    assert passes(1) != [first, second]
    rustorch.manual_seed(3)
    a = labels(DataLoader(dataset(), 4, shuffle=True))
    rustorch.manual_seed(3)
    assert labels(DataLoader(dataset(), 4, shuffle=True)) == a


def test_rows_are_taken_at_once_with_the_same_result():
    """The quick way for tensors gives what the samples one by one give."""

    class OneByOne(Dataset):
        def __init__(self, rows):
            self.rows = rows

        def __len__(self):
            return len(self.rows)

        def __getitem__(self, index):
            return self.rows[index]

    for quick in (dataset(), Subset(dataset(), [7, 7, -1, 0])):
        for a, b in zip(DataLoader(quick, 3), DataLoader(OneByOne(quick), 3), strict=True):
            assert isinstance(a, list)
            assert [x.tolist() for x in a] == [x.tolist() for x in b]
            assert [x.dtype for x in a] == [x.dtype for x in b]
    calls = []

    class Counting(TensorDataset):
        def __getitem__(self, index):
            calls.append(index)
            return super().__getitem__(index)

    list(DataLoader(Counting(rustorch.zeros(3)), 2))
    assert calls == [0, 1, 2], "a subclass with its own __getitem__ is asked"


def test_batches_do_not_share_memory_with_the_dataset():
    data = dataset()
    for x, _ in DataLoader(data, 5):
        x.fill_(-1)
    assert data.tensors[0].min().item() == 0


def test_gradients_reach_the_dataset():
    x = rustorch.ones(4, requires_grad=True)
    for (batch,) in DataLoader(TensorDataset(x), 2):
        (batch * 3).sum().backward()
    assert x.grad.tolist() == [3.0] * 4


def test_samplers():
    assert labels(DataLoader(dataset(), 2, sampler=[3, 1, 2])) == [[3, 1], [2]]
    assert labels(DataLoader(dataset(), batch_sampler=[[1], [2, 3, 4]])) == [[1], [2, 3, 4]]
    sampler = BatchSampler(SequentialSampler(range(3)), 2, drop_last=False)
    loader = DataLoader(dataset(), batch_sampler=sampler)
    assert len(loader) == 2
    assert loader.batch_size is None
    with pytest.raises(OutOfBoundsError, match="index 10 is out of bounds for 10 samples"):
        list(DataLoader(dataset(), sampler=[10]))


def test_any_sequence_is_a_dataset():
    assert [b.tolist() for b in DataLoader([1, 2, 3], 2)] == [[1, 2], [3]]
    assert list(DataLoader(["a", "b", "c"], 2)) == [["a", "b"], ["c"]]
    assert [b.tolist() for b in DataLoader(rustorch.arange(3), 2)] == [[0, 1], [2]]


def test_single_samples():
    assert [(x.tolist(), y.item()) for x, y in DataLoader(dataset(2), None)] == [
        ([0.0, 1.0], 0),
        ([2.0, 3.0], 1),
    ]
    assert list(DataLoader([1, "a"], batch_size=None)) == [1, "a"]


def test_many_samples_at_once():
    class Many(Images):
        def __getitems__(self, indices):
            return [("many", i) for i in indices]

    assert [b[0] for b in DataLoader(Many(3), 2)] == [("many", "many"), ("many",)]


def test_collate_fn():
    assert list(DataLoader([1, 2, 3], 2, collate_fn=sum)) == [3, 3]
    assert DataLoader([1]).collate_fn is default_collate


def test_streams():
    assert [b.tolist() for b in DataLoader(Numbers(5), 2)] == [[0, 1], [2, 3], [4]]
    assert [b.tolist() for b in DataLoader(Numbers(5), 2, drop_last=True)] == [[0, 1], [2, 3]]
    assert list(DataLoader(Numbers(3), None)) == [0, 1, 2]
    assert [len(DataLoader(Numbers(5), 2, drop_last=d)) for d in (False, True)] == [3, 2]
    assert len(DataLoader(Numbers(5), None)) == 5


def test_one_batch_at_a_time():
    loader = DataLoader(dataset(5), 2)
    assert loader.num_batches == loader.num_batches() == 3
    got = []
    while loader.has_next():
        assert loader.has_next()
        got.append(loader.next_batch()[1].tolist())
    assert got == [[0, 1], [2, 3], [4]]
    assert loader.current_batch_index == 3
    assert loader.next_batch() is None
    assert loader.next_batch() is None
    loader.reset()
    assert loader.current_batch_index() == 0
    assert loader.next_batch()[1].tolist() == [0, 1]
    assert labels(loader) == got, "a loop beside it has its own position"
    assert loader.next_batch()[1].tolist() == [2, 3]
    assert DataLoader(Numbers(0)).next_batch() is None


def test_documented_spellings():
    import rustorch.utils.data as same

    assert same.DataLoader is rustorch.data.DataLoader
    assert set(same.__all__) == set(rustorch.data.__all__)
    assert rustorch.utils.data.TensorDataset is TensorDataset


@pytest.mark.parametrize(
    ("options", "kind", "text"),
    [
        ({"num_workers": -1}, ArgumentError, "num_workers option should be non-negative, got -1"),
        ({"num_workers": 1.5}, ArgumentTypeError, "num_workers must be an integer, got 1.5"),
        ({"timeout": -1}, ArgumentError, "timeout option should be non-negative"),
        ({"prefetch_factor": 2}, ArgumentError, "prefetch_factor needs num_workers > 0"),
        ({"prefetch_factor": 0, "num_workers": 1}, ArgumentError, "prefetch_factor should be a positive"),
        ({"persistent_workers": True}, ArgumentError, "persistent_workers option needs num_workers > 0"),
        (
            {"shuffle": True, "sampler": [0]},
            ArgumentError,
            "sampler option is mutually exclusive with shuffle",
        ),
        (
            {"batch_size": 2, "batch_sampler": [[0]]},
            ArgumentError,
            "batch_sampler option is mutually exclusive",
        ),
        ({"drop_last": True, "batch_sampler": [[0]]}, ArgumentError, "batch_sampler option is mutually excl"),
        ({"batch_size": None, "drop_last": True}, ArgumentError, "mutually exclusive with drop_last"),
        ({"batch_size": 0}, ArgumentError, "batch_size should be a positive integer value, got 0"),
        ({"batch_size": 2.5}, ArgumentError, "batch_size should be a positive integer value, got 2.5"),
        ({"collate_fn": 3}, ArgumentTypeError, "collate_fn must be callable, got int"),
        ({"worker_init_fn": 3}, ArgumentTypeError, "worker_init_fn must be callable, got int"),
        ({"sampler": 4}, ArgumentTypeError, "sampler must be iterable, got int"),
        ({"generator": 4}, ArgumentTypeError, "generator must be a rustorch.Generator"),
        ({"multiprocessing_context": "fork"}, ArgumentError, "multiprocessing_context needs num_workers > 0"),
        (
            {"multiprocessing_context": "x", "num_workers": 1},
            ArgumentError,
            "should be one of .*fork.*got 'x'",
        ),
        (
            {"multiprocessing_context": 5, "num_workers": 1},
            ArgumentTypeError,
            "a context or a start method, got 5",
        ),
    ],
)
def test_refusals(options, kind, text):
    with pytest.raises(kind, match=f"{text}"):
        DataLoader([1, 2, 3], **options)


def test_refusals_of_datasets():
    for name, value in (("shuffle", True), ("sampler", [1]), ("batch_sampler", [[1]])):
        with pytest.raises(ArgumentError, match=f"expected unspecified {name} option"):
            DataLoader(Numbers(3), **{name: value})
    with pytest.raises(ArgumentTypeError, match="the dataset must have __len__, got generator"):
        DataLoader(i for i in range(3))
    loader = DataLoader([1, 2])
    with pytest.raises(ArgumentError, match="batch_size cannot be set after the loader is made"):
        loader.batch_size = 4
