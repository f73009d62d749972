"""PyTorch as a backend: one device type `torch:TYPE` per device type of PyTorch."""
