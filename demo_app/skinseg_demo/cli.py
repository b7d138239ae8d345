"""`skinseg-demo`: the box that phones photograph skin lesions with."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from skinseg_demo.config import DemoConfig
from skinseg_edge.command_line import Ui, command, name_option
from skinseg_edge.errors import InputError, ToolMissing
from skinseg_edge.terminal import is_lively
from skinseg_runtime.engine_files.state_folder import state_folder
from skinseg_runtime.engines import ENGINES

if TYPE_CHECKING:
    from skinseg_demo.serving.start import Invitation
    from skinseg_demo.store.phones import Role

__all__ = ["main"]

_PACKAGES = {"flask", "werkzeug", "gunicorn", "cryptography", "segno", "reportlab"}


@command(
    "skinseg-demo",
    "skinseg.demo/1",
    examples=(
        "skinseg-demo lesion.skinseg --endpoint https://dermatology.example/cases",
        "skinseg-demo --http --demo",
    ),
)
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    help="Folder for cases, pictures and certificates [default: demo, below where this device keeps its engines' key].",
)
@click.option("--host", default="0.0.0.0", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8443, show_default=True, help="Port of https.")
@click.option(
    "--http-port",
    type=click.IntRange(1, 65535),
    default=8080,
    show_default=True,
    help="Plain port: it tells phones how to trust the box; with --http the demo is there.",
)
@click.option(
    "--http", "is_practice", is_flag=True, help="Practice mode without TLS: nothing is kept, and no patient data."
)
@click.option("--certificate", type=click.Path(path_type=Path), help="Own certificate (PEM, with its chain).")
@click.option("--private-key", type=click.Path(path_type=Path), help="Its key (PEM).")
@click.option("--name", "names", multiple=True, metavar="HOST", help="Host name of the box; repeatable.")
@click.option(
    "--retention-days", type=click.IntRange(1), default=30, show_default=True, help="When an answered case is deleted."
)
@click.option(
    "--endpoint",
    metavar="WHERE",
    help="Where cases go: https://..., fhir+https://... (a FHIR server), folder:/path or mail:/path.",
)
@click.option("--contact", metavar="TEXT", help="Whom to ask, printed on reports: a name, a telephone number.")
@click.option("--demo", "is_demo", is_flag=True, help="Offer drawn lesions and a simulated dermatologist.")
@name_option("--engine", "engine", ENGINES, default="auto", show_default=True, help="What runs the network.")
@click.option("--allow-build", is_flag=True, help="Build a GPU's engine first if it is missing; takes minutes.")
@click.option("--pair", is_flag=True, help="Print a fresh code of the demo that runs already, and end.")
@click.option("--admin", is_flag=True, help="The same for the admin's pages.")
@click.option("--backup", type=click.Path(path_type=Path), help="Write every case into one ZIP, and end.")
@click.option("--restore", type=click.Path(path_type=Path), help="Make the store out of a backup, and end.")
def main(
    ui: Ui,
    bundle: Path | None,
    state: Path | None,
    pair: bool,
    admin: bool,
    backup: Path | None,
    restore: Path | None,
    **options: Any,
) -> int:
    """Let phones on this network photograph and outline skin lesions with the model in BUNDLE.

    Without BUNDLE it is the shipped model, exported on the first start. The command prints an address and a QR code,
    which pairs one phone, and serves until Ctrl-C. The connection is encrypted by a certificate that the box makes
    itself; http://ADDRESS:8080/trust tells how a phone learns to trust it. A measuring aid, not a diagnosis.
    """
    folder = (state or state_folder() / "demo").absolute()
    try:
        if backup is not None or restore is not None:
            return _keep_or_bring_back(ui, folder, backup, restore)
        if pair or admin:
            return _print_code(ui, folder, "admin" if admin else "phone")
        return _serve(ui, _config_from(folder, bundle, **options))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _PACKAGES:
            raise
        raise ToolMissing(
            f"cannot go on: the package {error.name} is not installed; run pip install 'skinseg-edge[demo]'"
        ) from error


def _config_from(
    folder: Path, bundle: Path | None, *, is_practice: bool, certificate: Path | None, **options: Any
) -> DemoConfig:
    if is_practice and certificate is not None:
        raise InputError("cannot serve a certificate in practice mode: it has no TLS; leave out one of the two")
    has_own = certificate is not None or options["private_key"] is not None
    return DemoConfig(
        state=folder,
        bundle=bundle,
        tls="none" if is_practice else "own" if has_own else "local-ca",
        certificate=certificate,
        **options,
    )


def _print_code(ui: Ui, folder: Path, role: Role) -> int:
    from skinseg_demo.serving.running import running_config
    from skinseg_demo.serving.start import invitation

    found = invitation(running_config(folder), role)
    return ui.result(_document(found), _words(found, f"Pairs one {'admin' if role == 'admin' else 'phone'}"))


def _keep_or_bring_back(ui: Ui, folder: Path, backup: Path | None, restore: Path | None) -> int:
    from skinseg_demo.backup_command import bring_back, keep

    if backup is not None and restore is not None:
        raise InputError("cannot do both: --backup and --restore were given; give one of them")
    if backup is not None:
        kept = keep(folder, backup.absolute())
        return ui.result(kept, f"{backup}: {kept['cases']} cases, as they were just now. It is not encrypted.")
    assert restore is not None
    found = bring_back(restore, folder)
    told = f"{found['store']}: {found['cases']} cases are back. Pair the phones anew."
    if found["waited"]:
        told += f" {found['waited']} waited to be sent when the backup was made: look at them, and send them again."
    return ui.result(found, told)


def _serve(ui: Ui, config: DemoConfig) -> int:
    # Imported here: `--help` should not wait for Flask, nor need it.
    from skinseg_demo.serving.first_export import shipped_bundle
    from skinseg_demo.serving.running import RunningDemo
    from skinseg_demo.serving.server import DemoServer
    from skinseg_demo.serving.start import certificates_for, check_ports, empty_practice_store, invitation
    from skinseg_edge.bundle import Bundle

    check_ports(config)
    running = RunningDemo(config)
    try:
        bundle = config.bundle or shipped_bundle(config.state, ui.info)
        Bundle.open(bundle)  # a wrong one is told now, not on a phone
        config = replace(config, bundle=bundle)
        empty_practice_store(config)
        certificates = certificates_for(config)
        found = invitation(config, at_start=True)
        words = _words(found, "Pairs one phone")
    except BaseException:
        running.close()
        raise

    def announce() -> None:
        if config.is_practice:
            ui.warn("practice mode: this connection can be read by others on the Wi-Fi; no patient data")
        ui.result(_document(found), words)

    def ended() -> None:
        empty_practice_store(config)
        running.close()

    DemoServer(config, certificates, announce=announce, ended=ended).run()
    return 0


def _document(found: Invitation) -> dict[str, object]:
    return {
        "address": found.address,
        "pairing": found.pairing,
        "expires_at": found.expires_at.isoformat(timespec="seconds"),
        "trust": found.trust,
        "ca_sha256": found.ca_sha256,
    }


def _words(found: Invitation, what: str) -> str:
    from skinseg_demo.serving.qr import terminal_text

    trust = (
        f"\n\nIf the phone warns of the connection, open {found.trust} on it first. "
        f"Its certificate's SHA-256 must be\n{found.ca_sha256}"
        if found.trust
        else ""
    )
    until = found.expires_at.astimezone().strftime("%H:%M:%S")
    code = terminal_text(found.pairing, colours=is_lively(sys.stdout))
    return (
        f"{found.address}\n\n{code}\n\n{what}, once, until {until}: {found.pairing}{trust}\n\n"
        "A fresh code: skinseg-demo --pair (--admin for the admin's pages). Ctrl-C ends the demo."
    )
