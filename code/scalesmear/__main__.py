"""Run the command line as ``python -m scalesmear``."""

from scalesmear.cli import main

raise SystemExit(main())
