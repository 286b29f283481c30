"""Owns the page at `/api-docs`: Swagger UI, with its assets from this machine, for a plant may be offline.

The assets (Swagger UI 5) come from the package `fastapi-offline`, of which nothing else is used.
"""

from importlib.util import find_spec
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

PATH = "/api-docs"
ASSETS_PATH = f"{PATH}/assets"


def mount(app: FastAPI) -> None:
    """Serve the page and what it loads."""

    async def page(request: Request) -> HTMLResponse:
        root = request.scope.get("root_path", "").rstrip("/")
        return get_swagger_ui_html(
            openapi_url=f"{root}{app.openapi_url}",
            title=app.title,
            swagger_js_url=f"{root}{ASSETS_PATH}/swagger-ui-bundle.js",
            swagger_css_url=f"{root}{ASSETS_PATH}/swagger-ui.css",
            swagger_favicon_url=f"{root}{ASSETS_PATH}/favicon.png",
            swagger_ui_parameters={"persistAuthorization": True, "tryItOutEnabled": True},
        )

    app.add_route(PATH, page, include_in_schema=False)
    app.mount(ASSETS_PATH, StaticFiles(directory=_assets()), name="api-docs-assets")


def _assets() -> Path:
    # found, not imported: importing the package would only build its own FastAPI class
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:
        raise RuntimeError("fastapi-offline is not installed; the extra `cloud` brings it: pip install '.[cloud]'")
    return Path(spec.origin).parent / "static"
