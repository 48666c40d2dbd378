"""Security headers of every answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask.globals import app_ctx, request_ctx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from flask import Flask, Response

    Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; media-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types 'none'; report-uri /csp-report"
)
ALWAYS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
}


def install(app: Flask, *, https: bool) -> None:
    """Set the headers of every answer."""
    fixed = {**ALWAYS, "Strict-Transport-Security": "max-age=31536000"} if https else ALWAYS
    app.wsgi_app = _with_fixed(app.wsgi_app, tuple(fixed.items()))  # type: ignore[method-assign, assignment]

    @app.after_request
    def _headers(response: Response) -> Response:
        headers = response.headers
        static = request_ctx.request.endpoint == "health.static_file"
        if not static and "Cache-Control" not in headers:
            headers["Cache-Control"] = "no-store"
        if app_ctx.g.get("actor") is not None:
            headers.add("Vary", "Cookie")
        return response


def _with_fixed(wsgi: Wsgi, fixed: tuple[tuple[str, str], ...]) -> Wsgi:
    """Add headers to every answer on its way out, where the view set none of the same name."""

    def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:  # noqa: ANN401
        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:  # noqa: ANN401
            given = {name for name, _ in headers}
            headers.extend(pair for pair in fixed if pair[0] not in given)
            return start_response(status, headers, *error)

        return wsgi(environ, start)

    return application
