"""``python -m clapas.roles <role>``."""

import sys

from clapas.roles import main

sys.exit(main(sys.argv[1]))
