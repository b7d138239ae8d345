"""`python -m skinseg_demo` is `skinseg-demo`."""

from skinseg_demo.cli import main

if __name__ == "__main__":
    main()
