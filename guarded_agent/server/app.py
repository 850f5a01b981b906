"""The application: the shield, the routes of every area, and the answers to errors."""

from __future__ import annotations

import importlib
import pkgutil
from functools import partial
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from starlette.middleware import Middleware
from starlette.staticfiles import StaticFiles

from guarded_agent import __version__
from guarded_agent.server import problems, routes
from guarded_agent.server.doors import check_form
from guarded_agent.server.settings import Settings
from guarded_agent.server.shield import Shield
from guarded_agent.server.site import Site
from guarded_agent.store import Store


def create_app(store: Store, settings: Settings | None = None) -> FastAPI:
    """Return the ASGI application; see `guarded_agent.server.create_app`."""
    settings = settings or Settings()
    app = FastAPI(
        title="guarded_agent approvals",
        description="Decide on what agents want to do, by the same rules as on the pages.",
        version=__version__,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(check_form)],
        middleware=[Middleware(Shield, settings=settings)],
    )
    app.state.site = Site.over(store, settings)
    problems.install(app)
    for router in _routers():
        app.include_router(router)
    app.openapi = partial(_openapi, app)  # type: ignore[method-assign]
    app.mount("/static", StaticFiles(packages=[("guarded_agent.server", "static")]))
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """Return the API's description, where a wrong request is a problem like any other."""
    if app.openapi_schema is None:
        made = FastAPI.openapi(app)
        schemas = made.get("components", {}).get("schemas", {})
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = made
    return app.openapi_schema


def _routers() -> list[APIRouter]:
    """Return the `router` of every module in `routes`, by the modules' names."""
    names = sorted(module.name for module in pkgutil.iter_modules(routes.__path__))
    return [importlib.import_module(f"{routes.__name__}.{name}").router for name in names]
