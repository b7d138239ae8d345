"""How large each printed card came out of the printer, by the number that stands on it."""

from skinseg_demo.card.print_scale import PrintScale
from skinseg_demo.store.audit import BOX, Audit
from skinseg_demo.store.clock import text_from_time
from skinseg_demo.store.database import Database

__all__ = ["CardPrints"]


class CardPrints:
    """The table `card_prints`; who prints a card anew measures it anew, and the last measurement holds."""

    def __init__(self, database: Database, audit: Audit) -> None:
        """Keep them in *database*; *audit* hears of each."""
        self._database = database
        self._audit = audit

    def keep(self, card: int, found: PrintScale, *, who: str = BOX) -> None:
        """Keep what was measured on a card, over what was there.

        Raises DeviceUnready if the disk refuses.
        """
        now = text_from_time(self._database.now())
        with self._database.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO card_prints VALUES (?, ?, ?, ?, ?, ?)",
                (card, found.factor, found.relative_error, found.way, now, who),
            )
            detail = f"card {card}, factor {found.factor:.4f} by {found.way}"
            self._audit.record(connection, who=who, what="card measured", detail=detail)

    def all(self) -> dict[int, PrintScale]:
        """Return what is known of the cards, by number; one that nobody measured is not there."""
        rows = self._database.rows("SELECT * FROM card_prints ORDER BY card")
        return {row["card"]: PrintScale(row["factor"], row["relative_error"], row["way"]) for row in rows}
