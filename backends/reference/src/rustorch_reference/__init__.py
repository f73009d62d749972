"""The reference backend: what every primitive means, in NumPy, slow and obvious."""
