"""``python -m etabli`` is ``etabli``."""

from etabli.cli import main

main()
