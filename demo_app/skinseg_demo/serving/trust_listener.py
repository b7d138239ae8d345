"""What the plain port shows: how to trust the box, its CA, and nothing else. The rest is led to https."""

from flask import Flask, Response, make_response, redirect, render_template, request

from skinseg_demo.config import DemoConfig
from skinseg_demo.pages.errors import answer_errors
from skinseg_demo.refusals import Refused
from skinseg_demo.security.headers import add_headers
from skinseg_demo.security.hosts import name_of, trust_hosts
from skinseg_demo.security.roles import open_to_all
from skinseg_demo.serving.local_ca import ca_file, fingerprint
from skinseg_demo.strings import add_strings

__all__ = ["CERTIFICATE_TYPE", "create_trust_app"]

CERTIFICATE_TYPE = "application/x-x509-ca-cert"  # what makes a phone offer to install it


def create_trust_app(config: DemoConfig) -> Flask:
    """Make the application of the plain port; it has no store, no session and nothing of a patient."""
    app = Flask("skinseg_demo", static_folder=None)
    trust_hosts(app, config)
    add_strings(app)
    answer_errors(app)
    app.after_request(add_headers)
    _add_pages(app, config)
    return app


def _add_pages(app: Flask, config: DemoConfig) -> None:
    @app.context_processor
    def of_every_page() -> dict[str, object]:
        return {"box": config, "csrf_token": lambda: ""}

    @app.get("/trust")
    @open_to_all
    def trust() -> str:
        return render_template("trust_plain.html", https=_https(config), fingerprint=fingerprint(config))

    @app.get("/trust/skinseg-ca.crt")
    @open_to_all
    def certificate() -> Response:
        return Response(ca_file(config).read_bytes(), mimetype=CERTIFICATE_TYPE)

    @app.get("/static/css/base.css")
    @open_to_all
    def style() -> Response:
        return _own_style(app)

    @app.route("/", defaults={"path": ""}, methods=["GET", "HEAD", "POST"])
    @app.route("/<path:path>", methods=["GET", "HEAD", "POST"])
    @open_to_all
    def elsewhere(path: str) -> Response:
        if request.method == "POST":
            raise Refused(405, "PlainHttp", "cannot take this over plain http; open the box's https address")
        return make_response(redirect(f"{_https(config)}/{path}"))


def _https(config: DemoConfig) -> str:
    """Return the https address of the name that was asked for, which is one of ours."""
    return f"https://{name_of(request.host)}:{config.port}"


def _own_style(app: Flask) -> Response:
    with app.open_resource("static/css/base.css") as file:
        return Response(file.read(), mimetype="text/css")
