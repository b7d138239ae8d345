"""HAM10000's metadata are read in the forms in which they are given out."""

from pathlib import Path

import pytest

from skinseg_edge.datasets.lesion_ids import lesion_ids
from skinseg_edge.errors import DatasetUnusable, FileMissing

_ROWS = (
    "lesion_id,image_id,dx,dx_type,age,sex,localization",
    "HAM_0000118,ISIC_0027419,bkl,histo,80.0,male,scalp",
    "HAM_0000118,ISIC_0025030,bkl,histo,80.0,male,scalp",
    "HAM_0002730,ISIC_0026769,bkl,histo,,female,unknown",
)


@pytest.mark.parametrize(
    ("name", "delimiter", "line_end"),
    [("HAM10000_metadata.csv", ",", "\n"), ("HAM10000_metadata.tab", "\t", "\r\n"), ("HAM10000_metadata", ",", "\n\n")],
)
def test_every_photo_has_its_lesion(tmp_path: Path, name: str, delimiter: str, line_end: str) -> None:
    text = line_end.join(row.replace(",", delimiter) for row in _ROWS) + line_end
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert lesion_ids(tmp_path) == {
        "ISIC_0027419": "HAM_0000118",
        "ISIC_0025030": "HAM_0000118",
        "ISIC_0026769": "HAM_0002730",
    }


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"image,dx\na,b\n", "its columns are image, dx, expected lesion_id and image_id among them"),
        (b"lesion_id,image_id\na,b\nc\n", "line 3 ends before lesion_id and image_id"),
        (b"", "its columns are , expected lesion_id"),
        (b"\xff\xfe", "can't decode"),
        (b"lesion_id,image_id\n" + b"a" * 200_000 + b",b\n", "it is no table .field larger than"),
        (b"lesion_id,image_id\nL1,a\n,b\n", "line 3 gives b no lesion"),
        (b"lesion_id,image_id\nL1,a\nL1,a\nL2,a\n", "line 4 gives a another lesion than before"),
    ],
)
def test_a_table_without_lesions_is_refused(tmp_path: Path, data: bytes, words: str) -> None:
    (tmp_path / "HAM10000_metadata.csv").write_bytes(data)
    with pytest.raises(DatasetUnusable, match=words):
        lesion_ids(tmp_path)


def test_a_folder_without_metadata_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(FileMissing, match=r"holds no HAM10000_metadata.csv; put it there or use --by-image"):
        lesion_ids(tmp_path)
