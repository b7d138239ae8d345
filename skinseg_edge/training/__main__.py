"""`python -m skinseg_edge.training` is `skinseg-train`; `torchrun -m` starts it in several processes."""

from skinseg_edge.training.cli import main

if __name__ == "__main__":
    main()
