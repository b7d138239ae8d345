"""A folder of synthetic faces with their class maps, as the six-class training and evaluation read it.

    python -m skinseg_edge.datasets.synthetic_faces faces --count 100 --side 256

writes images/NAME.jpg, masks/NAME.png (class numbers, shown in colours), classes.txt, train.txt and validation.txt.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from numpy.typing import NDArray

from skinseg_edge.atomic_files import (
    fresh_folder,
    write_bytes_atomically,
    write_json_atomically,
    write_text_atomically,
)
from skinseg_edge.class_colours import class_colours
from skinseg_edge.command_line import Ui, command
from skinseg_edge.datasets.label_maps import MELASMA_CLASSES
from skinseg_edge.datasets.synthetic_faces import SyntheticFace, draw_face
from skinseg_edge.index_png import write_index_png

__all__ = ["labelme_document", "main", "run", "write_face_folder"]

_KEPT_IN = 5  # every fifth face is for validation
_JPEG_QUALITY = 92
_LABELME_VERSION = "5.5.0"


@command(
    "python -m skinseg_edge.datasets.synthetic_faces",
    "skinseg.synthetic-faces/1",
    examples=(
        "python -m skinseg_edge.datasets.synthetic_faces faces --count 100 --side 256",
        "python -m skinseg_edge.datasets.synthetic_faces faces-labelme --labelme --fitzpatrick 5",
    ),
)
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option("--count", type=click.IntRange(1), default=100, show_default=True, help="Number of faces.")
@click.option("--side", type=click.IntRange(48, 4096), default=256, show_default=True, help="Rows and columns, px.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the first face.")
@click.option("--fitzpatrick", type=click.IntRange(1, 6), metavar="TYPE", help="Skin type 1 to 6. Default: all.")
@click.option("--labelme", is_flag=True, help="Write outlines as LabelMe JSON in place of class-map PNGs.")
@click.option("--force", is_flag=True, help="Replace DIR if it is such a folder.")
def main(
    ui: Ui,
    folder: Path,
    count: int,
    side: int,
    seed: int,
    fitzpatrick: int | None,
    labelme: bool,
    force: bool,
) -> int:
    """Draw faces with melasma and their label maps of six classes into a new folder."""
    with (
        fresh_folder(folder, force, only_if_holds="classes.txt") as fresh,
        ui.progress(count, "drawing faces") as advance,
    ):
        write_face_folder(fresh, count, side, seed=seed, fitzpatrick=fitzpatrick, labelme=labelme, drawn=advance)
    return ui.result({"folder": str(folder), "faces": count, "classes": list(MELASMA_CLASSES)}, str(folder))


def run() -> None:
    """Run the command; `synthetic_faces`, which this module imports, can name its type."""
    main()


def write_face_folder(
    folder: Path,
    count: int,
    side: int,
    *,
    seed: int = 0,
    fitzpatrick: int | None = None,
    labelme: bool = False,
    drawn: Callable[[], None] = lambda: None,
) -> None:
    """Write *count* faces of *side* x *side* px into *folder*; their seeds count up from *seed*.

    *fitzpatrick*: skin type of all of them, 1 to 6; without one each has its own. *labelme*: outlines as LabelMe JSON
    in place of class-map PNGs. *drawn*: called after each face.
    """
    for number in range(count):
        _write_face(folder, draw_face(seed + number, (side, side), fitzpatrick), number, labelme)
        drawn()
    _write_lists(folder, count)


def labelme_document(face: SyntheticFace, picture: str) -> dict[str, Any]:
    """Outline a face's regions as LabelMe does; *picture*: path of the photo, from the file's folder.

    The map that is read back from it is the one that was drawn, pixel by pixel.
    """
    shapes = [
        {"label": name, "points": points.tolist(), "group_id": None, "shape_type": "polygon", "flags": {}}
        for number, name in enumerate(MELASMA_CLASSES)
        if number > 0
        for points in _outlines(face.labels, number)
    ]
    rows, columns = face.labels.shape
    return {
        "version": _LABELME_VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": picture,
        "imageData": None,
        "imageHeight": rows,
        "imageWidth": columns,
    }


def _write_face(folder: Path, face: SyntheticFace, number: int, labelme: bool) -> None:
    name = _name(number)
    _, photo = cv2.imencode(
        ".jpg", cv2.cvtColor(face.photo, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    write_bytes_atomically(folder / "images" / f"{name}.jpg", photo.tobytes())
    if labelme:
        document = labelme_document(face, f"../images/{name}.jpg")
        write_json_atomically(folder / "masks" / f"{name}.json", document)
    else:
        write_index_png(folder / "masks" / f"{name}.png", face.labels, class_colours(len(MELASMA_CLASSES)))


def _write_lists(folder: Path, count: int) -> None:
    """Write the class names, and which faces are to learn from and which to choose by."""
    kept = [number % _KEPT_IN == _KEPT_IN - 1 for number in range(count)]
    lists = {
        "classes.txt": MELASMA_CLASSES,
        "train.txt": [_name(number) for number in range(count) if not kept[number]],
        "validation.txt": [_name(number) for number in range(count) if kept[number]],
    }
    for file, lines in lists.items():
        write_text_atomically(folder / file, "".join(f"{line}\n" for line in lines))


def _name(number: int) -> str:
    return f"face-{number + 1:04d}"


def _outlines(labels: NDArray[np.uint8], number: int) -> list[NDArray[np.float64]]:
    """Outline each part of a class: (P, 2) x, y in px; a hole is reached and left on one line, which encloses nothing.

    Traced at twice the size: cv2 runs through the centres of border pixels, which then lie a quarter of a pixel within
    the class, and the centre of every pixel is clear of the line.
    """
    large = np.repeat(np.repeat((labels == number).astype(np.uint8), 2, axis=0), 2, axis=1)
    contours, relations = cv2.findContours(large, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return []
    parents = np.asarray(relations)[0, :, 3]
    rings = [np.asarray(contour[:, 0], np.float64) / 2 + 0.25 for contour in contours]
    outlines = []
    for outer in np.flatnonzero(parents < 0):
        path = [rings[outer]]
        for hole in np.flatnonzero(parents == outer):
            path += [rings[outer][:1], rings[hole], rings[hole][:1]]
        outlines.append(np.concatenate([*path, rings[outer][:1]] if len(path) > 1 else path))
    return outlines
