"""The pages: one blueprint a concern. A new module is named here and nowhere else."""

from skinseg_demo.pages import (
    admin,
    api_description,
    capture,
    frames,
    health,
    home,
    language,
    metrics,
    pairing,
    pictures,
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
)
