"""An OpenCL backend for RusTorch; `plugin` is what the entry point names."""
