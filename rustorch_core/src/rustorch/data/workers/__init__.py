"""Loading in other processes: channels, shared memory, the worker's side and the caller's side."""
