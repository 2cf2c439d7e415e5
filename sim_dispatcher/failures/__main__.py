"""`python -m sim_dispatcher.failures > docs/failures.md`: write the page about failures."""

from __future__ import annotations

import sys

from sim_dispatcher.failures.page import failures_page

if __name__ == "__main__":
    sys.stdout.write(failures_page())
