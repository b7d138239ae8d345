"""`python -m skinseg_export` is `skinseg-export`."""

from skinseg_export.cli import main

main()
