"""``python -m rustorch`` is the command ``rustorch``."""

import sys

from rustorch.cli import main

if __name__ == "__main__":
    sys.exit(main())
