"""Tests of this folder share a module of comparisons; pytest's importlib mode does not look beside them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
