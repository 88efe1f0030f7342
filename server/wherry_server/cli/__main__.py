"""`python -m wherry_server.cli`: the command without a script, as our own child processes start it."""

import sys

from wherry_server.cli import main

sys.exit(main())
