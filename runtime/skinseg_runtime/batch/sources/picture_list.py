"""Pictures that a list names: a text file with a path or an address a line, or a CSV file with a column of them."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from skinseg_edge.errors import InputError
from skinseg_edge.strict_json import shown
from skinseg_runtime.batch.items import FilePlace, Item, safe_name
from skinseg_runtime.batch.sources.addresses import beside, is_remote, protocol_of, told
from skinseg_runtime.batch.sources.text_lines import text_lines
from skinseg_runtime.batch.sources.twins import checked

__all__ = ["NAME_COLUMNS", "PATH_COLUMNS", "ListSource", "name_of_path"]

PATH_COLUMNS = ("path", "file_path", "url", "file", "file_name", "filename", "image_path", "image", "picture", "photo")
"""What columns of paths or addresses are called, the first that is there counts; capitals make no difference."""
NAME_COLUMNS = ("name", "image_id", "key", "isic_id")
"""What columns are called that say what a picture is called."""


@dataclass(frozen=True)
class ListSource:
    """The pictures that the list at *address* names, relative to its folder; *column*: of a CSV file, None finds it."""

    text: str
    address: str
    column: str | None = None

    def items(self) -> Iterator[Item]:
        """See `BatchSource`."""
        return checked(self._listed, self.text, "line that names a picture")

    def count(self) -> int | None:
        """Return how many lines name a picture."""
        return sum(1 for _ in self._listed())

    def _listed(self) -> Iterator[Item]:
        rows = self._rows_of_table() if told(self.address).lower().endswith(".csv") else self._rows_of_text()
        for number, path, name in rows:
            try:
                place = FilePlace(beside(self.address, path))
            except InputError as error:
                raise InputError(f"{error} (line {number} of {self.text})") from error
            yield Item(safe_name(name or name_of_path(path)), place)

    def _rows_of_text(self) -> Iterator[tuple[int, str, str]]:
        for number, line in enumerate(text_lines(self.address), start=1):
            path = line.strip()
            if path and not path.startswith("#"):
                yield number, path, ""

    def _rows_of_table(self) -> Iterator[tuple[int, str, str]]:
        lines = text_lines(self.address)
        header = next(lines, "")
        rows = csv.reader(lines, delimiter=_delimiter(header), strict=True)
        try:
            columns = next(csv.reader([header], delimiter=_delimiter(header)), [])
            path_at, name_at = self._places(columns)
            for row in rows:
                if any(row):
                    yield rows.line_num + 1, self._path(row, path_at, rows.line_num + 1), _cell(row, name_at)
        except csv.Error as error:
            reason = str(error).partition(" - ")[0]  # what follows is advice to who wrote this program
            raise InputError(
                f"cannot read {self.text}: line {rows.line_num + 1} is no CSV ({reason}); mend it, or save it with "
                "line feeds"
            ) from error

    def _path(self, row: Sequence[str], path_at: int, number: int) -> str:
        if path := _cell(row, path_at):
            return path
        raise InputError(f"cannot read {self.text}: line {number} names no picture; write its path or remove the line")

    def _places(self, columns: Sequence[str]) -> tuple[int, int | None]:
        """Return at which places the paths and the names stand."""
        names = [column.strip().lower() for column in columns]
        wanted = PATH_COLUMNS if self.column is None else (self.column.strip().lower(),)
        found = next((name for name in wanted if name in names), None)
        if found is None and self.column is None and len(names) == 1:
            raise InputError(
                f"cannot read {self.text}: its only column is called {shown(columns[0])}, so the first line may be a "
                "picture; put a line with the word path above it"
            )
        if found is None:
            raise InputError(
                f"cannot read {self.text}: it has the columns {shown(', '.join(columns))}, expected "
                f"{' or '.join(wanted)}; name the column of paths with --column"
            )
        named = next((names.index(name) for name in NAME_COLUMNS if name in names and name != found), None)
        return names.index(found), named


def name_of_path(text: str) -> str:
    """Return what a picture is called that a list names so: the path as it stands, an address without protocol.

    >>> name_of_path("visit-2/mole.jpg"), name_of_path("https://me:secret@host/mole.jpg?key=1")
    ('visit-2/mole.jpg', 'host/mole.jpg')
    """
    return told(text)[len(f"{protocol_of(text)}://") :] if is_remote(text) else text


def _cell(row: Sequence[str], place: int | None) -> str:
    return row[place].strip() if place is not None and place < len(row) else ""


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)
