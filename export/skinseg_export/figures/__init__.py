"""Figures of an evaluation, as PNG bytes: each `x_png` draws one, `write_figures` all of them into a folder."""

from skinseg_export.figures.pages import write_figures

__all__ = ["write_figures"]
