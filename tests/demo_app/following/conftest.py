"""The store of the tests of the store."""

from tests.demo_app.store.conftest import store

__all__ = ["store"]
