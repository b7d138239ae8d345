"""How a lesion changed: what each visit measured, what may be compared, and a chart of it."""

__all__: list[str] = []
