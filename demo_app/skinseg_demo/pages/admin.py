"""The admin's pages: how the box is, what outlines, which phones are paired, what was done, and a backup."""

import tempfile
from pathlib import Path
from typing import Protocol

from flask import Blueprint, Response, redirect, render_template, request, send_file, url_for

from skinseg_demo.config import DemoConfig
from skinseg_demo.monitoring.box_health import look_at
from skinseg_demo.refusals import Refused
from skinseg_demo.security.rate_limits import rate_limited
from skinseg_demo.security.roles import current_phone, for_admins
from skinseg_demo.services import services
from skinseg_demo.store.phone_labels import MOST_LETTERS, relabel
from skinseg_demo.store.phones import CLOCK_SLACK, Phone

__all__ = ["audit_log", "backup", "blueprint", "overview", "rename", "revoke"]

blueprint = Blueprint("admin", __name__, url_prefix="/admin")

_LINES = 200


class _Told(Protocol):
    """What an engine tells of itself, as `engine_worker.Model` does."""

    def to_json(self) -> dict[str, object]:
        """Return it as plain values."""
        ...


@blueprint.get("")
@for_admins
def overview() -> str:
    """Show the box, its engine and its phones."""
    box = services()
    phones = box.store.phones.list()
    return render_template(
        "admin/overview.html",
        health=look_at(box),
        receipt=_receipt(),
        phones=[phone for phone in phones if _is_on(phone, box.config)],
        gone=[phone for phone in phones if not _is_on(phone, box.config)],
        me=current_phone().id,
        most_letters=MOST_LETTERS,
    )


@blueprint.get("/audit")
@for_admins
def audit_log() -> str:
    """Show the latest lines of the audit log, and whether all of it holds."""
    audit = services().store.audit
    labels = {phone.id: phone.label for phone in services().store.phones.list()}
    return render_template(
        "admin/audit.html", lines=audit.list(most=_LINES), broken=audit.verify(), head=audit.head(), labels=labels
    )


@blueprint.post("/phones/<phone_id>/revoke")
@for_admins
def revoke(phone_id: str) -> Response:
    """Log a phone off for good.

    Raises Refused with 404 if there is no such phone.
    """
    if services().store.phones.get(phone_id) is None:
        raise _no_phone()
    services().store.phones.revoke(phone_id, who=current_phone().id)
    return _back()


@blueprint.post("/phones/<phone_id>/label")
@for_admins
def rename(phone_id: str) -> Response:
    """Call a phone what the form says.

    Raises Refused with 404 if there is no such phone, InputError if the name is empty or too long.
    """
    store = services().store
    if not relabel(store.database, store.audit, phone_id, request.form.get("label", ""), who=current_phone().id):
        raise _no_phone()
    return _back()


@blueprint.post("/backup")
@for_admins
@rate_limited("backups", 3, 60.0)
def backup() -> Response:
    """Send a verified backup of the whole store; nothing of it stays on the box (what a killed process left is swept).

    Raises OutputRefused if the disk has no room for it, and what `Store.backup_to` raises.
    """
    box = services()
    now = box.store.phones.now()
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=box.store.folder) as folder:
        path = box.store.backup_to(Path(folder) / "backup.zip", who=current_phone().id)
        stream = path.open("rb")  # the file is gone with its folder, its bytes stay until they are sent
    name = f"skinseg-demo-{now:%Y-%m-%d-%H%M}.zip"
    return send_file(stream, mimetype="application/zip", as_attachment=True, download_name=name)


def _receipt() -> dict[str, object]:
    """Return what outlines, empty until something does."""
    model: _Told | None = getattr(services().engine, "model", None)  # an EngineService need not have it
    return {} if model is None else model.to_json()


def _is_on(phone: Phone, config: DemoConfig) -> bool:
    """Say whether a phone is still logged on, as `security.sessions` would."""
    now = services().store.phones.now()
    return (
        phone.revoked_at is None
        and phone.paired_at - now <= CLOCK_SLACK
        and (now - phone.paired_at).total_seconds() < config.hours * 3600
        and (now - phone.seen_at).total_seconds() < config.idle_minutes * 60
    )


def _back() -> Response:
    return redirect(url_for("admin.overview"), 303)  # type: ignore[return-value]  # Flask's is werkzeug's


def _no_phone() -> Refused:
    return Refused(404, "NoPhone", "cannot find this phone: it was never paired here; load the list again")
