import pytest
from worker_datasets import Images, Numbers

import rustorch
from rustorch.data import ChainDataset, ConcatDataset, Dataset, Subset, TensorDataset, random_split
from rustorch.errors import ArgumentError, ArgumentTypeError, OutOfBoundsError, ShapeError


def test_tensor_dataset():
    x, y = rustorch.arange(6.0).reshape(3, 2), rustorch.tensor([5, 6, 7])
    dataset = TensorDataset(x, y)
    assert len(dataset) == 3
    assert isinstance(dataset[0], tuple)
    assert [t.tolist() for t in dataset[-1]] == [[4.0, 5.0], 7]
    assert [t.tolist() for t in dataset[1:]] == [[[2.0, 3.0], [4.0, 5.0]], [6, 7]]
    assert [t.tolist() for t in dataset.get_batch([2, -3])] == [[[4.0, 5.0], [0.0, 1.0]], [7, 5]]
    with pytest.raises(OutOfBoundsError, match="TensorDataset: index 3 is out of bounds for 3 samples"):
        dataset.get_batch([0, 3])


def test_tensor_dataset_refuses():
    with pytest.raises(ShapeError, match=r"size mismatch between tensors, got shapes \(2,\), \(3, 1\)"):
        TensorDataset(rustorch.zeros(2), rustorch.zeros(3, 1))
    with pytest.raises(ArgumentTypeError, match=r"tensors are required, got list"):
        TensorDataset([1, 2])
    with pytest.raises(ArgumentTypeError, match=r"at least one tensor"):
        TensorDataset()
    with pytest.raises(ShapeError, match="0-d"):
        TensorDataset(rustorch.tensor(1.0))


def test_concatenation():
    both = Images(2) + Images(3)
    assert isinstance(both, ConcatDataset)
    assert len(both) == 5
    assert [y for _, y in (both[i] for i in range(5))] == [0, 1, 0, 1, 2]
    assert both[-1][1] == 2
    with pytest.raises(OutOfBoundsError, match="index 5 is out of bounds for 5 samples"):
        both[5]
    with pytest.raises(ArgumentError, match="empty"):
        ConcatDataset([])
    with pytest.raises(ArgumentTypeError, match="use ChainDataset"):
        ConcatDataset([Numbers(1)])


def test_chains():
    both = Numbers(2) + Numbers(1)
    assert isinstance(both, ChainDataset)
    assert list(both) == [0, 1, 0]
    assert len(both) == 3
    with pytest.raises(ArgumentTypeError, match="only IterableDatasets can be chained"):
        ChainDataset([Images()])


def test_subset():
    part = Subset(range(10, 20), [1, 1, 9])
    assert list(part) == [11, 11, 19]
    assert len(part) == 3
    assert Subset(rustorch.arange(4), [3, 0])[[0, 1]].tolist() == [3, 0]


def test_random_split():
    parts = random_split(range(10), [6, 3, 1], generator=rustorch.Generator().manual_seed(0))
    again = random_split(range(10), [6, 3, 1], generator=rustorch.Generator().manual_seed(0))
    assert [p.indices for p in parts] == [p.indices for p in again]
    assert sorted(i for part in parts for i in part) == list(range(10))
    assert [len(p) for p in random_split(range(11), [0.3, 0.3, 0.4])] == [4, 3, 4]
    with pytest.raises(ArgumentError, match="lengths must sum to the length of the dataset, 10"):
        random_split(range(10), [5, 4])
    with pytest.raises(ArgumentError, match=r"fraction at index 0 is not between 0 and 1, got 1\.5"):
        random_split(range(10), [1.5, -0.5])
    with pytest.warns(UserWarning, match="index 1 has length 0"):
        random_split(range(1), [0.9, 0.1])


def test_what_a_subclass_must_define():
    class Nothing(Dataset):
        pass

    with pytest.raises(NotImplementedError, match="Nothing must define __getitem__"):
        Nothing()[0]
