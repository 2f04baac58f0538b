"""`python -m retraind` is `retraind`."""

import sys

from retraind.cli import main

sys.exit(main())
