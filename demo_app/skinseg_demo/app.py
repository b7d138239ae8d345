"""The Flask application: its services, its pages, and the guards before each request."""

from flask import Flask

from skinseg_demo.config import DemoConfig, make_private_folder
from skinseg_demo.demo_mode.dermatologist import SimulatedReceiver
from skinseg_demo.demo_mode.service import DemoMode
from skinseg_demo.engine_worker import EngineWorker
from skinseg_demo.pages import BLUEPRINTS
from skinseg_demo.pages.errors import answer_errors
from skinseg_demo.pictures.outlining import Outlining
from skinseg_demo.security.csrf import check_csrf, csrf_token
from skinseg_demo.security.headers import add_headers
from skinseg_demo.security.hosts import trust_hosts
from skinseg_demo.security.pairing import Pairing
from skinseg_demo.security.roles import check_role, open_to_all
from skinseg_demo.security.sessions import load_phone
from skinseg_demo.sending import Sender, endpoint_from_text
from skinseg_demo.services import EXTENSION, EngineService, SenderService, Services, services
from skinseg_demo.store import Store
from skinseg_demo.store.caretaker import Caretaker
from skinseg_demo.store.clock import Clock, utc_now
from skinseg_demo.strings import add_strings

__all__ = ["EngineService", "SenderService", "Services", "create_app", "services"]

_FORM_BYTES = 64_000
_FORM_PARTS = 20
_ENVELOPE_BYTES = 64_000  # what multipart adds to a picture of the largest size


def create_app(
    config: DemoConfig,
    *,
    engine: EngineService | None = None,
    sender: SenderService | None = None,
    now: Clock = utc_now,
) -> Flask:
    """Make the application and open its store; its threads start with `Services.start`.

    *engine*: what outlines. *sender*: what sends; without it, a `Sender` to the endpoint of the settings. *now*: tells
    the time.

    Raises OutputRefused if the state folder cannot be made, SchemaUnknown if a newer version wrote the store.
    """
    make_private_folder(config.state)
    store = Store.open(config.store_folder, now=now)
    outlining = Outlining(config, engine, prints=store.card_prints.all) if isinstance(engine, EngineWorker) else None
    app = Flask(__name__)
    app.extensions[EXTENSION] = Services(
        config,
        store,
        Pairing(store.phones),
        engine=engine,
        outlining=outlining,
        sender=sender or Sender(store, SimulatedReceiver() if config.is_demo else endpoint_from_text(config.endpoint)),
        caretaker=Caretaker(lambda: store.sweep(retention_days=config.retention_days), now=now),
        demo=DemoMode(store, outlining) if config.is_demo else None,
    )
    app.extensions["skinseg.limits"] = {}
    trust_hosts(app, config)
    _set_limits(app, config)
    _set_guards(app, config, store)
    add_strings(app)
    answer_errors(app)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    return app


def _set_limits(app: Flask, config: DemoConfig) -> None:
    app.config.update(
        MAX_CONTENT_LENGTH=config.max_upload_bytes + _ENVELOPE_BYTES,
        MAX_FORM_MEMORY_SIZE=_FORM_BYTES,
        MAX_FORM_PARTS=_FORM_PARTS,
        SEND_FILE_MAX_AGE_DEFAULT=0,
    )


def _set_guards(app: Flask, config: DemoConfig, store: Store) -> None:
    open_to_all(app.view_functions["static"])

    # In this order: who asks, whether the view is for them, whether our own page sent it.
    @app.before_request
    def guard() -> None:
        load_phone(config, store.phones)
        check_role()
        check_csrf(config)

    @app.context_processor
    def of_every_page() -> dict[str, object]:
        return {"csrf_token": lambda: csrf_token(config), "box": config}

    app.after_request(add_headers)
