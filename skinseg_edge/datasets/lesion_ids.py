"""HAM10000 shows many lesions in several photos; its metadata say which photos belong together."""

import csv
from pathlib import Path

from skinseg_edge.errors import DatasetUnusable, FileMissing

__all__ = ["lesion_ids"]

_FILES = ("HAM10000_metadata.csv", "HAM10000_metadata.tab", "HAM10000_metadata")  # from Kaggle and Harvard Dataverse


def lesion_ids(root: str | Path) -> dict[str, str]:
    """Read the lesion of every photo from `HAM10000_metadata.csv` in a folder.

    Returns photo name without suffix (`image_id`) -> name of its lesion (`lesion_id`).

    Raises FileMissing if there is no such file, DatasetUnusable if it is no table with these two columns or gives a
    photo no lesion or two.
    """
    file = next((Path(root) / name for name in _FILES if (Path(root) / name).is_file()), None)
    if file is None:
        raise FileMissing(
            f"cannot keep photos of one lesion together: {root} holds no {_FILES[0]}; put it there or use --by-image"
        )
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetUnusable(f"cannot read {file}: {error}; get it again from where it came") from error
    try:
        header, *rows = csv.reader(
            text.splitlines() or [""], delimiter="\t" if "\t" in text.partition("\n")[0] else ","
        )
    except csv.Error as error:
        raise DatasetUnusable(
            f"cannot read {file}: it is no table ({error}); get it again from where it came"
        ) from error
    if "image_id" not in header or "lesion_id" not in header:
        raise DatasetUnusable(
            f"cannot read {file}: its columns are {', '.join(header)}, expected lesion_id and image_id among them"
        )
    image, lesion = header.index("image_id"), header.index("lesion_id")
    short = next((number for number, row in enumerate(rows, start=2) if row and len(row) <= max(image, lesion)), None)
    if short is not None:
        raise DatasetUnusable(f"cannot read {file}: line {short} ends before lesion_id and image_id; correct it")
    lesions: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        # Without a lesion, all such photos would count as one; with two, the first would part from its photos.
        if row and (not row[lesion] or lesions.setdefault(row[image], row[lesion]) != row[lesion]):
            found = "another lesion than before" if row[lesion] else "no lesion"
            raise DatasetUnusable(f"cannot read {file}: line {number} gives {row[image]} {found}; correct it")
    return lesions
