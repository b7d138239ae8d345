"""`skinseg-verify`: whether a bundle is whole, who signed it, and whether it still gives its golden masks here."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from skinseg_edge.command_line import Ui, command, name_option
from skinseg_edge.command_options import trusted_key_option
from skinseg_edge.errors import SkinsegError, VerificationFailed
from skinseg_edge.terminal import printable
from skinseg_runtime.engines import ENGINES, KNOWN_PRECISIONS, artefact_of_engine
from skinseg_runtime.verify_table import Check, verify_table

if TYPE_CHECKING:
    from collections.abc import Callable

    from skinseg_edge.bundle import Bundle
    from skinseg_edge.manifest import Artefact
    from skinseg_runtime.device_receipt_findings import ReceiptFindings
    from skinseg_runtime.segmenter import Segmenter
    from skinseg_runtime.verification import GoldenOutcome

__all__ = ["main"]


@command(
    "skinseg-verify",
    "skinseg.verify/1",
    examples=(
        "skinseg-verify lesion.skinseg",
        "skinseg-verify lesion.skinseg --trusted-key clinic.pem --json",
    ),
)
@click.argument("bundle", type=click.Path(path_type=Path))
@name_option("--engine", "engine", ENGINES, default="auto", show_default=True, help="What runs the golden cases.")
@name_option("--precision", "precision", KNOWN_PRECISIONS, help="Which form of the model. Default: the engine's own.")
@trusted_key_option()
@click.option(
    "--receipt",
    type=click.Path(path_type=Path),
    help="Receipt of a Mac or iPhone, made with the bundle's coreml-check; it is judged and kept in the bundle.",
)
def main(
    ui: Ui, bundle: Path, engine: str, precision: str | None, trusted_key: Path | None, receipt: Path | None
) -> int:
    """Check everything that BUNDLE promises, on this machine.

    Hashes of all files, the signature, whether the model was trained and accepted, whether its graph fits the contract,
    and its golden cases through the engine. The exit code is 0 when all hold and 1 when one does not.
    """
    from skinseg_edge.bundle import Bundle

    opened = Bundle.open(bundle, trusted_key=trusted_key)
    artefact_of_engine(opened, engine, precision)  # to ask for what was never made is wrong use, and no finding
    checks = [_check_files(opened), _check_signature(opened), _check_training(opened)]
    findings = None if receipt is None else _findings_of(receipt)
    outcomes: list[GoldenOutcome] = []
    model: dict[str, str | None] = {"engine": None, "precision": precision, "fallback": None}
    if checks[0].passed:  # nothing of a damaged bundle is run
        checks += _check_network(ui, opened, engine, model, outcomes)
        checks += [] if findings is None else [_check_receipt(opened, findings)]
    document = {
        "bundle": str(bundle),
        "name": opened.manifest.name,
        "bundle_sha256": opened.sha256,
        "model": model,
        "checks": [asdict(check) for check in checks],
        "golden": [outcome.to_json() for outcome in outcomes],
        "receipt": None if findings is None else findings.to_json(),
    }
    return ui.result(document, verify_table(checks, outcomes, findings), failure=_failure(bundle, checks))


def _check_files(bundle: Bundle) -> Check:
    return _checked("files", bundle.verify, f"{len(bundle.manifest.files)} files match their hashes")


def _check_signature(bundle: Bundle) -> Check:
    # A wrong signature has ended the command before; without a key there is nothing to hold one against.
    details = {
        "verified": "made by the owner of the trusted key",
        "unchecked": "there is one, and no trusted key to check it with",
        "absent": "none, and no trusted key asks for one",
    }
    return Check("signature", True, details[bundle.signature])


def _check_training(bundle: Bundle) -> Check:
    provenance = bundle.manifest.provenance
    if not provenance.trained:
        return Check("training", False, "the weights are untrained, made to try targets with")
    return Check("training", True, f"{provenance.network}, {provenance.training_data}")


def _check_network(
    ui: Ui, bundle: Bundle, engine: str, model: dict[str, str | None], outcomes: list[GoldenOutcome]
) -> list[Check]:
    """Load the network and run the golden cases; *model* and *outcomes* get what was really run, and what it gave."""
    from skinseg_runtime.segmenter import Segmenter

    loaded: list[Segmenter] = []

    def load() -> None:
        loaded.append(
            Segmenter.open(
                bundle, engine=engine, precision=model["precision"], allow_untrained=True, on_fallback=ui.warn
            )
        )

    network = _checked("contract", load, "")
    if not loaded:
        return [network, _check_acceptance(artefact_of_engine(bundle, engine, model["precision"]))]
    with loaded[0] as segmenter:
        precision = segmenter.precision or "fp32"
        model.update(engine=segmenter.engine.name, precision=precision, fallback=segmenter.fallback)
        artefact = artefact_of_engine(bundle, segmenter.engine.name, precision)
        fits = Check("contract", True, f"{artefact.name} fits the contract and was accepted where it was made")
        golden = _check_golden(ui, bundle, segmenter, precision, outcomes)
        return [fits, _check_acceptance(artefact), golden]


def _check_acceptance(artefact: Artefact) -> Check:
    """Say on what the artefact was accepted where it was made; nothing of it is measured again here."""
    from skinseg_runtime.verification import gate_dice

    is_accepted = artefact.status == "verified"
    dice, pictures = gate_dice(artefact), artefact.figure("gate_pictures")
    if dice is not None and pictures is not None:
        detail = f"mean Dice {dice:.4f} to the trained network's masks, {pictures:.0f} pictures, where it was made"
    elif is_accepted:
        detail = "golden cases only"
    else:
        detail = printable(str(artefact.checks.get("failure", "it failed where it was made")))
    return Check("acceptance", is_accepted, detail)


def _check_golden(ui: Ui, bundle: Bundle, segmenter: Segmenter, precision: str, outcomes: list[GoldenOutcome]) -> Check:
    from skinseg_runtime.verification import golden_outcomes

    cases = bundle.manifest.golden
    if not cases:
        return Check("golden cases", False, "the bundle has none, so nothing shows that its masks are right here")

    def run_all() -> None:
        with ui.progress(len(cases), "golden cases") as advance:
            for outcome in golden_outcomes(bundle, segmenter, precision=precision):
                outcomes.append(outcome)
                advance()

    check = _checked("golden cases", run_all, "")
    return _golden_check(outcomes, segmenter.engine.name) if check.passed else check


def _golden_check(outcomes: list[GoldenOutcome], engine: str) -> Check:
    from skinseg_runtime.verification import LEAST_TELLING_DICE

    name, judged = "golden cases", [outcome for outcome in outcomes if outcome.is_judged]
    failed = sum(not outcome.passed for outcome in judged)
    if failed:
        return Check(name, False, f"{failed} of {len(outcomes)} left their tolerance")
    if not judged:
        nothing = f"none of {len(outcomes)} asks for a Dice of {LEAST_TELLING_DICE}, so nothing shows that its masks"
        return Check(name, False, f"{nothing} are right here; export again with --validation")
    rest = len(outcomes) - len(judged)
    too_little = f"; {rest} not judged, for it gave another mask there when it was made" if rest else ""
    return Check(name, True, f"{len(judged)} reached their masks with {engine}{too_little}")


def _findings_of(receipt: Path) -> ReceiptFindings:
    from skinseg_runtime.device_receipt_findings import ReceiptFindings

    return ReceiptFindings.read(receipt)


def _check_receipt(bundle: Bundle, findings: ReceiptFindings) -> Check:
    check = _checked("receipt", lambda: findings.judge(bundle), "")
    return Check("receipt", findings.passed, findings.summary) if check.passed else check


def _checked(name: str, step: Callable[[], None], detail: str) -> Check:
    """Run a step; a verification that fails is a finding, while a missing tool or file ends the command."""
    try:
        step()
    except SkinsegError as error:
        if error.exit_code == 3:
            raise
        return Check(name, False, str(error))
    return Check(name, True, detail)


def _failure(bundle: Path, checks: list[Check]) -> VerificationFailed | None:
    failed = [check for check in checks if not check.passed]
    if not failed:
        return None
    return VerificationFailed(f"cannot vouch for {bundle}: {failed[0].name}: {failed[0].detail}")


if __name__ == "__main__":
    main()
