"""What every answer tells the browser about what it may load, keep and open."""

from flask import Response, request

__all__ = ["CONTENT_SECURITY_POLICY", "add_headers"]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' blob: data:",
        "media-src blob:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

# No Strict-Transport-Security: on a certificate that the box made itself it would lock people out for good.
_ALWAYS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer a form of our own page would come with "Origin: null"
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
}


def add_headers(response: Response) -> Response:
    """Add them; nothing but the files of static/ may be kept by the browser."""
    for name, value in _ALWAYS.items():
        response.headers.setdefault(name, value)
    if request.is_secure:  # over plain http browsers ignore it, and complain
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    if request.endpoint == "static":
        response.headers["Cache-Control"] = "no-cache"  # kept, and asked for again: a new version is seen at once
    else:
        response.headers["Cache-Control"] = "no-store"
    return response
