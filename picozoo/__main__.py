"""`python -m picozoo` is the same as `picozoo`."""

import sys

from picozoo.cli import main

if __name__ == "__main__":
    sys.exit(main())
