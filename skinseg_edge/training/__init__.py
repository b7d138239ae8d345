"""Losses, recipes, the trainer and its command. Needs torch.

Nothing is imported here: `skinseg-train --help` answers without loading torch.
"""

__all__: list[str] = []
