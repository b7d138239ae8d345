"""Seal a bundle: golden cases, model card, and the manifest that says where everything comes from."""

import datetime
import os
from collections.abc import Sequence

from skinseg_edge._version import __version__
from skinseg_edge.manifest import Manifest, Provenance
from skinseg_edge.networks.checkpoint import Checkpoint
from skinseg_export.artefacts import Artefacts
from skinseg_export.card import model_card
from skinseg_export.golden import Golden, add_golden
from skinseg_export.tool_versions import tool_versions

__all__ = ["sealed"]


def sealed(
    checkpoint: Checkpoint, made: Artefacts, golden: Sequence[Golden], name: str, calibration: str | None
) -> Manifest:
    """Write what goes with the artefacts that were *made*, and the manifest *name* last; return it.

    *calibration*: digest of the pictures that 8 bits were calibrated on, None without any.
    """
    provenance = Provenance(
        network=checkpoint.network_name,
        network_options=dict(checkpoint.options),
        checkpoint_sha256=checkpoint.sha256 or None,
        trained=checkpoint.trained,
        training_data=_training_data(checkpoint),
        code_version=__version__,
        tools=tool_versions(),
        created=_today(),
    )
    cases = add_golden(made.draft, golden, checkpoint.contract)
    sources = [case.source for case in golden]
    card = model_card(name, checkpoint.contract, provenance, made.made, card=checkpoint.card, golden=sources)
    made.draft.add_bytes("MODEL_CARD.md", card.encode())
    return made.draft.finish(
        name=name,
        contract=checkpoint.contract,
        provenance=provenance,
        artefacts=made.made,
        golden=cases,
        device_plans=made.plans,
        calibration=calibration,
    )


def _training_data(checkpoint: Checkpoint) -> str:
    if not checkpoint.trained:
        return "none"
    pictures = checkpoint.training.get("train_pictures")
    named = checkpoint.training.get("data", "not recorded")
    return f"{named} ({pictures} pictures)" if pictures is not None else str(named)


def _today() -> str:
    # https://reproducible-builds.org/specs/source-date-epoch: the same bundle from the same sources
    moment = os.environ.get("SOURCE_DATE_EPOCH")
    if moment is not None and moment.isdigit():
        return datetime.datetime.fromtimestamp(int(moment), datetime.timezone.utc).date().isoformat()
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()
