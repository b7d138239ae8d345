"""The schema, as the steps that led to it.

A step is a tuple of SQL statements. SQLite's `user_version` counts how many have been applied; a step that was released
is never changed, a new one is appended.
"""

__all__ = ["MIGRATIONS"]

_PHONES = (
    """
    CREATE TABLE phones (
        id TEXT PRIMARY KEY,
        secret_sha256 TEXT NOT NULL UNIQUE,
        role TEXT NOT NULL CHECK (role IN ('phone', 'admin')),
        label TEXT NOT NULL,
        paired_at TEXT NOT NULL,
        seen_at TEXT NOT NULL,
        revoked_at TEXT
    ) STRICT
    """,
    """
    CREATE TABLE pairing_tokens (
        token_sha256 TEXT PRIMARY KEY,
        role TEXT NOT NULL CHECK (role IN ('phone', 'admin')),
        made_at TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        used_at TEXT
    ) STRICT
    """,
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_PHONES,)
