"""The FastAPI app of every tutorial, and, as KIND `echo`, what the server can do at most: FOLDER KIND PORT."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pandas as pd
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from serve_work import load
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

Row = dict[str, float | str]


class Asked(BaseModel):
    rows: list[Row]


def tutorial(folder: Path, kind: str) -> FastAPI:
    """No validation but of types, no log, no metrics."""
    app, model = FastAPI(), load(folder, kind)

    @app.post("/predict")
    def predict(asked: Asked) -> dict[str, Any]:
        probabilities = model.predict_proba(pd.DataFrame(asked.rows))
        return {"predictions": probabilities.argmax(axis=1).tolist(), "probabilities": probabilities.tolist()}

    return app


async def _echo(request: Request) -> JSONResponse:
    return JSONResponse(await request.json())


if __name__ == "__main__":
    where, which, number = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    served = (
        Starlette(routes=[Route("/predict", _echo, methods=["POST"])]) if which == "echo" else tutorial(where, which)
    )
    uvicorn.run(served, host="127.0.0.1", port=number, log_level="warning", access_log=False)
