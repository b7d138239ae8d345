"""`python -m skinseg_runtime.batch`."""

from skinseg_runtime.batch.cli import main

if __name__ == "__main__":  # the workers import this file, too
    main()
