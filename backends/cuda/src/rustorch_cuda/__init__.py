"""CUDA devices for RusTorch; see README.md."""
