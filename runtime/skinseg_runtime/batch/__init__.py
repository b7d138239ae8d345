"""Archives: millions of pictures in, a table of rows and masks out, on one machine or many; cut off, it goes on.

    from skinseg_runtime.batch import LocalExecutor, run_batch, source_from_text, work_for

    if __name__ == "__main__":  # the workers are processes that import this file
        outcome = run_batch(source_from_text("photos/"), Path("out"), work_for("lesion.skinseg"), LocalExecutor())

items, sources, reading   which pictures there are, and their bytes
units, work, opening      what goes to a worker
core, rows, run_lengths   the one way from a picture's bytes to its row
executors                 who does it
driver, archive, tally    who hands out, writes and counts

What is named here is imported when first touched.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from skinseg_runtime.batch.core import segment_many
    from skinseg_runtime.batch.driver import BatchOutcome, run_batch
    from skinseg_runtime.batch.executors.local import LocalExecutor
    from skinseg_runtime.batch.items import Item
    from skinseg_runtime.batch.opening import open_segmenter, work_for
    from skinseg_runtime.batch.run_lengths import mask_from_run_lengths
    from skinseg_runtime.batch.sources import source_from_text
    from skinseg_runtime.batch.units import Finished
    from skinseg_runtime.batch.work import Work

__all__ = [
    "BatchOutcome",
    "Finished",
    "Item",
    "LocalExecutor",
    "Work",
    "mask_from_run_lengths",
    "open_segmenter",
    "run_batch",
    "segment_many",
    "source_from_text",
    "work_for",
]

_HOME = {
    "BatchOutcome": "driver",
    "Finished": "units",
    "Item": "items",
    "LocalExecutor": "executors.local",
    "Work": "work",
    "mask_from_run_lengths": "run_lengths",
    "open_segmenter": "opening",
    "run_batch": "driver",
    "segment_many": "core",
    "source_from_text": "sources",
    "work_for": "opening",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        from importlib import import_module

        return getattr(import_module(f"skinseg_runtime.batch.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]
