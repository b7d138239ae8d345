"""The pages: one blueprint a concern. A new module is named here and nowhere else."""

from skinseg_demo.pages import health, home, pairing, trust

__all__ = ["BLUEPRINTS"]

BLUEPRINTS = (home.blueprint, pairing.blueprint, trust.blueprint, health.blueprint)
