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

# A deleted case keeps its number and its dates, nothing else. `revision` counts its changes, so that the sender sees
# one that came while a package was on its way.
_CASES = (
    "CREATE TABLE case_numbers (year INTEGER PRIMARY KEY, last INTEGER NOT NULL) STRICT",
    """
    CREATE TABLE cases (
        id TEXT PRIMARY KEY,
        number TEXT NOT NULL UNIQUE,
        revision INTEGER NOT NULL,
        body_site TEXT NOT NULL,
        body_view TEXT,
        body_x REAL CHECK (body_x BETWEEN 0 AND 1),
        body_y REAL CHECK (body_y BETWEEN 0 AND 1),
        skin_type TEXT CHECK (skin_type IN ('I', 'II', 'III', 'IV', 'V', 'VI')),
        history TEXT NOT NULL,
        checklist TEXT NOT NULL,
        note TEXT NOT NULL,
        created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL,
        deleted_at TEXT
    ) STRICT
    """,
    """
    CREATE TABLE visits (
        id TEXT PRIMARY KEY,
        case_id TEXT NOT NULL REFERENCES cases (id),
        made_at TEXT NOT NULL,
        phone_id TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX visits_of_case ON visits (case_id)",
    """
    CREATE TABLE pictures (
        id TEXT PRIMARY KEY,
        visit_id TEXT REFERENCES visits (id),
        role TEXT NOT NULL CHECK (role IN ('overview', 'closeup')),
        sha256 TEXT NOT NULL,
        received_sha256 TEXT NOT NULL,
        format TEXT NOT NULL,
        rows INTEGER NOT NULL,
        columns INTEGER NOT NULL,
        received_at TEXT NOT NULL,
        quality_verdict TEXT,
        sent_anyway INTEGER NOT NULL CHECK (sent_anyway IN (0, 1)),
        result TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX pictures_of_visit ON pictures (visit_id)",
    """
    CREATE TABLE consents (
        id TEXT PRIMARY KEY,
        case_id TEXT NOT NULL REFERENCES cases (id),
        kind TEXT NOT NULL CHECK (kind IN ('care', 'teaching')),
        is_given INTEGER NOT NULL CHECK (is_given IN (0, 1)),
        who TEXT NOT NULL,
        at TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX consents_of_case ON consents (case_id)",
    """
    CREATE TRIGGER consents_stay_as_given BEFORE UPDATE ON consents
    BEGIN SELECT RAISE(ABORT, 'a consent is never changed'); END
    """,
    """
    CREATE TABLE corrections (
        id TEXT PRIMARY KEY,
        picture_id TEXT NOT NULL REFERENCES pictures (id) ON DELETE CASCADE,
        kind TEXT NOT NULL CHECK (kind IN ('nudge', 'redraw', 'unusable')),
        polygons TEXT NOT NULL,
        made_at TEXT NOT NULL,
        phone_id TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX corrections_of_picture ON corrections (picture_id)",
    """
    CREATE TABLE outbox (
        case_id TEXT PRIMARY KEY REFERENCES cases (id),
        state TEXT NOT NULL CHECK (state IN ('draft', 'queued', 'sent', 'answered')),
        tries INTEGER NOT NULL,
        next_try_at TEXT,
        last_error TEXT,
        package_sha256 TEXT,
        queued_at TEXT,
        sent_at TEXT,
        answered_at TEXT
    ) STRICT
    """,
    """
    CREATE TABLE replies (
        id TEXT PRIMARY KEY,
        case_id TEXT NOT NULL REFERENCES cases (id),
        received_at TEXT NOT NULL,
        author TEXT NOT NULL,
        text TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX replies_of_case ON replies (case_id)",
    """
    CREATE TABLE audit (
        seq INTEGER PRIMARY KEY,
        at TEXT NOT NULL,
        who TEXT NOT NULL,
        what TEXT NOT NULL,
        case_id TEXT,
        detail TEXT NOT NULL,
        previous TEXT NOT NULL,
        hash TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END
    """,
    """
    CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log only grows'); END
    """,
)

_CARD_PRINTS = (
    """
    CREATE TABLE card_prints (
        card INTEGER PRIMARY KEY,
        factor REAL NOT NULL CHECK (factor > 0),
        relative_error REAL NOT NULL CHECK (relative_error >= 0),
        way TEXT NOT NULL CHECK (way IN ('bank card', 'ruler')),
        measured_at TEXT NOT NULL,
        phone_id TEXT NOT NULL
    ) STRICT
    """,
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_PHONES, _CASES, _CARD_PRINTS)
