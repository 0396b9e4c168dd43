"""/docs and /openapi.json, with all assets from this package: they work offline."""

from __future__ import annotations

from importlib.resources import files

from anyio import to_thread
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from ragsvc.api.responses import JsonResponse
from ragsvc.api.strict_route import check_query

# The page loads only from here, posts only to here, and may not be framed. Swagger UI sets style attributes.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "start.js": "text/javascript",
}
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>ragsvc: HTTP interface</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>The same as JSON: <a href="/openapi.json">/openapi.json</a></noscript>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"""


def install(app: FastAPI) -> None:
    """Add the routes of the documentation."""

    async def openapi(request: Request) -> Response:
        check_query(request, frozenset())
        # Made once; that takes a fifth of a second.
        return JsonResponse(await to_thread.run_sync(app.openapi))

    app.router.routes.append(Route("/openapi.json", openapi, methods=["GET"]))
    app.router.routes.append(Route("/docs", page, methods=["GET"]))
    for name in ASSETS:
        app.router.routes.append(Route(f"/docs/{name}", asset, methods=["GET"]))


async def page(request: Request) -> Response:
    """Serve the page."""
    check_query(request, frozenset())
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"})


async def asset(request: Request) -> Response:
    """Serve one of the page's files."""
    check_query(request, frozenset())
    name = request.url.path.rpartition("/")[2]
    content = files("ragsvc.api").joinpath("static", name).read_bytes()
    return Response(content, media_type=ASSETS[name], headers={"Cache-Control": "private, max-age=3600"})
