"""The one-page report of a case, on paper for whoever has no screen; it names no person."""

__all__: list[str] = []
