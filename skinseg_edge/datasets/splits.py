"""`python -m skinseg_edge.datasets.splits`: write a paper's lists of pictures, or check lists that are there.

The lists are what `skinseg-train` reads: picture names without suffix, one a line, comments behind `#`.
"""

import contextlib
from pathlib import Path

import click

from skinseg_edge.atomic_files import check_free, write_text_atomically
from skinseg_edge.command_line import Ui, command, name_option
from skinseg_edge.datasets.lesion_ids import lesion_ids
from skinseg_edge.datasets.official_folders import is_test_part
from skinseg_edge.datasets.overlaps import check_disjoint
from skinseg_edge.datasets.paper_splits import PAPER_SPLITS, Split, split_like
from skinseg_edge.datasets.readers import PicturePair, pairs
from skinseg_edge.errors import InputError

__all__ = ["main", "write_lists"]

_NAME = "python -m skinseg_edge.datasets.splits"
_PATH = click.Path(path_type=Path)


def write_lists(split: Split, folder: str | Path, *, title: str, force: bool = False) -> dict[str, Path]:
    """Write `train.txt`, `validation.txt` and, unless it is empty, `test.txt`.

    *title*: a line that each begins with. *force*: replace lists that are there, a `test.txt` too that is no more.
    Returns list name -> file.

    Raises OutputRefused if a list is there and not force, or the place cannot be written.
    """
    lists = {"train": split.train, "validation": split.validation, "test": split.test}
    files = {name: Path(folder) / f"{name}.txt" for name in lists}
    for file in files.values():
        check_free(file, force=force)
    for name, names in lists.items():
        if names:
            lines = [f"# {title}; {name}: {len(names)} pictures", *names]
            write_text_atomically(files[name], "\n".join(lines) + "\n", overwrite=force)
        else:  # an old list would overlap with the new ones
            with contextlib.suppress(FileNotFoundError):
                files[name].unlink()
    return {name: files[name] for name, names in lists.items() if names}


@command(
    _NAME,
    "skinseg.split/1",
    examples=(
        f"{_NAME} data/isic2018 --paper scsonet --seed 42 -o lists",
        f"{_NAME} data/isic2018 --check train.txt --check validation.txt --by-content",
    ),
)
@click.argument("data", type=_PATH)
@name_option("--paper", "paper", sorted(PAPER_SPLITS), help="Split as this paper does.")
@click.option("--seed", type=click.IntRange(0), default=42, show_default=True, help="Another seed, another draw.")
@click.option("-o", "--output", type=_PATH, help="The folder for train.txt, validation.txt and test.txt.")
@click.option(
    "--select-from-train", is_flag=True, help="Choose the epoch on a tenth of train, not on the test pictures."
)
@click.option("--by-image", is_flag=True, help="HAM10000: part photos of one lesion, as the paper does.")
@click.option("--check", "checked", type=_PATH, multiple=True, help="Check that these lists share nothing; repeat it.")
@click.option("--by-content", is_flag=True, help="Compare the photos' bytes too.")
@click.option("--force", is_flag=True, help="Replace lists that are there.")
def main(
    ui: Ui,
    data: Path,
    paper: str | None,
    seed: int,
    output: Path | None,
    select_from_train: bool,
    by_image: bool,
    checked: tuple[Path, ...],
    by_content: bool,
    force: bool,
) -> int:
    """Split the pictures in DATA as a paper does, or check lists of them."""
    if checked:
        return _check(ui, data, checked, by_content)
    if paper is None or output is None:
        raise InputError("cannot split: got no --paper with -o, and no --check; give either")
    rule = PAPER_SPLITS[paper]
    every = pairs(data)
    lesions = lesion_ids(data) if rule.by_lesion and not by_image else None
    split = split_like(rule, every, seed=seed, lesions=lesions, select_from_train=select_from_train)
    by_name = {pair.name: pair for pair in every}
    lists = {"train": split.train, "validation": split.validation, "test": split.test}
    check_disjoint({name: [by_name[each] for each in names] for name, names in lists.items()}, by_content=by_content)
    _tell_what_differs(ui, paper, every, split)
    files = write_lists(split, output, title=f"split of {paper}'s paper, seed {seed}", force=force)
    counts = {name: len(lists[name]) for name in files}
    return ui.result(
        {"paper": paper, "seed": seed, "pictures": counts, "files": {name: str(file) for name, file in files.items()}},
        "\n".join(f"{file}: {counts[name]} pictures" for name, file in files.items()),
    )


def _check(ui: Ui, data: Path, lists: tuple[Path, ...], by_content: bool) -> int:
    chosen: dict[str, tuple[PicturePair, ...]] = {str(file): pairs(data, file) for file in lists}
    check_disjoint(chosen, by_content=by_content)
    counts = {name: len(found) for name, found in chosen.items()}
    listed = ", ".join(f"{name} ({count})" for name, count in counts.items())
    return ui.result({"pictures": counts}, f"no picture is in two of {listed}")


def _tell_what_differs(ui: Ui, paper: str, every: tuple[PicturePair, ...], split: Split) -> None:
    rule = PAPER_SPLITS[paper]
    drawn = sum(not is_test_part(pair.picture) for pair in every)
    if drawn not in rule.counts:
        known = " or ".join(f"{total:,}" for total in sorted(rule.counts))
        ui.warn(f"the paper splits {known} pictures, here are {drawn:,}: its shares are kept, not its counts")
    unused = len(every) - len({*split.train, *split.validation, *split.test})
    if unused:
        ui.info(f"left out: {unused:,} pictures of an official test part, which the paper does not use")
    if not split.test:
        ui.info("the paper reports on the pictures that choose its best epoch; --select-from-train parts the two")


if __name__ == "__main__":
    main()
