"""The pages: one blueprint a concern. A new module is named here and nowhere else."""

from skinseg_demo.pages import (
    admin,
    api_description,
    capture,
    card,
    case_files,
    case_forms,
    cases,
    follow_up,
    frames,
    health,
    home,
    language,
    metrics,
    outbox,
    pairing,
    pictures,
    report,
    result,
    shell,
    trust,
)

__all__ = ["BLUEPRINTS"]

BLUEPRINTS = (
    home.blueprint,
    capture.blueprint,
    result.blueprint,
    pairing.blueprint,
    trust.blueprint,
    health.blueprint,
    pictures.blueprint,
    frames.blueprint,
    api_description.blueprint,
    metrics.blueprint,
    admin.blueprint,
    language.blueprint,
    shell.blueprint,
    case_files.blueprint,
    case_forms.blueprint,
    cases.blueprint,
    follow_up.blueprint,
    outbox.blueprint,
    card.blueprint,
    report.blueprint,
)
