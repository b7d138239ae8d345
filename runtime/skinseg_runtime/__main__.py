"""`python -m skinseg_runtime` is `skinseg-run`."""

from skinseg_runtime.cli import main

if __name__ == "__main__":
    main()
