"""The same with fast paths: one array, one round trip, inplace_predict, pred_contribs."""

import json
import sys
from pathlib import Path
from typing import Any


def build(folder: Path) -> Any:
    """Application over ``model.ubj``, ``names.json`` and the Redis server in ``redis.json``."""
    import numpy as np
    import redis.asyncio
    import xgboost
    from fastapi import FastAPI
    from pydantic import BaseModel

    names: list[str] = json.loads((folder / "names.json").read_text())
    place = json.loads((folder / "redis.json").read_text())
    booster = xgboost.Booster(model_file=folder / "model.ubj")
    # Threads that wait for each other cost more than they bring on one row.
    booster.set_param({"nthread": 1})
    store = redis.asyncio.Redis(host="127.0.0.1", port=place["port"], decode_responses=True)

    class Payment(BaseModel):
        event_id: int
        event_time: str
        customer: int
        terminal: int
        amount: float

    app = FastAPI()

    @app.post("/v1/decisions", response_model=None)
    async def decide(payment: Payment) -> dict[str, Any]:
        both = store.pipeline(transaction=False)
        both.hgetall(f"customer:{payment.customer}")
        both.hgetall(f"terminal:{payment.terminal}")
        customer, terminal = await both.execute()
        values = customer | terminal
        row = np.array([[float(values.get(name, "nan")) for name in names]])
        probability = float(booster.inplace_predict(row)[0])
        parts = booster.predict(xgboost.DMatrix(row), pred_contribs=True)[0, :-1]
        reasons = [
            {"feature": names[j], "contribution": float(parts[j])} for j in np.argsort(-parts)[:3]
        ]
        return {"event_id": payment.event_id, "score": probability, "reasons": reasons}

    return app


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(build(Path(sys.argv[1])), port=int(sys.argv[2]), log_level="warning")
