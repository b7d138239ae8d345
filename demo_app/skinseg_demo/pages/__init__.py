"""The pages: one blueprint a concern. A new module is named here and nowhere else."""

from skinseg_demo.pages import (
    admin,
    health,
    home,
    language,
    metrics,
    pairing,
    shell,
    trust,
)

__all__ = ["BLUEPRINTS"]

BLUEPRINTS = (
    home.blueprint,
    pairing.blueprint,
    trust.blueprint,
    health.blueprint,
    metrics.blueprint,
    admin.blueprint,
    language.blueprint,
    shell.blueprint,
)
