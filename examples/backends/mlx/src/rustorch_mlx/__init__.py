"""Apple's MLX as a backend: Metal on a Mac, the processor elsewhere."""
