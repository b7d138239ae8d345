"""Where the pictures of an archive come from: folders, lists, Parquet files, WebDatasets, on a disk or in a store."""

from skinseg_runtime.batch.sources.choosing import source_from_text

__all__ = ["source_from_text"]
