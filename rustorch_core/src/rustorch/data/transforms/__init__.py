"""What is done to samples: callables from a tensor, array or image to another."""

from rustorch.data.transforms.compose import Compose, ConvertDtype, Lambda
from rustorch.data.transforms.geometry import (
    CenterCrop,
    Pad,
    RandomCrop,
    RandomHorizontalFlip,
    RandomVerticalFlip,
    Resize,
)
from rustorch.data.transforms.named import (
    Transform,
    Transforms,
    normalize,
    random_crop,
    random_horizontal_flip,
    resize,
)
from rustorch.data.transforms.values import Normalize, ToTensor

__all__ = [
    "CenterCrop",
    "Compose",
    "ConvertDtype",
    "Lambda",
    "Normalize",
    "Pad",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomVerticalFlip",
    "Resize",
    "ToTensor",
    "Transform",
    "Transforms",
    "normalize",
    "random_crop",
    "random_horizontal_flip",
    "resize",
]
