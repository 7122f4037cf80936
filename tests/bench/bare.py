"""The reference of intake: a Starlette route that reads the body and answers."""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


async def read(request: Request) -> Response:
    await request.body()
    return JSONResponse({"ok": True})


if __name__ == "__main__":
    uvicorn.run(
        Starlette(routes=[Route("/in/{source}/{token}", read, methods=["POST"])]),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
    )
