"""Datasets, samplers, loaders and transforms; the same as ``rustorch.utils.data``."""

from rustorch.data import transforms
from rustorch.data.collate import collate, default_collate, default_collate_fn_map, default_convert
from rustorch.data.dataset import ChainDataset, ConcatDataset, Dataset, IterableDataset, TensorDataset
from rustorch.data.distributed_sampler import DistributedSampler
from rustorch.data.loader import DataLoader
from rustorch.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from rustorch.data.subset import Subset, random_split
from rustorch.data.transforms import Transform, Transforms
from rustorch.data.workers.info import WorkerInfo, get_worker_info

__all__ = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "DistributedSampler",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "Transform",
    "Transforms",
    "WeightedRandomSampler",
    "WorkerInfo",
    "collate",
    "default_collate",
    "default_collate_fn_map",
    "default_convert",
    "get_worker_info",
    "random_split",
    "transforms",
]
