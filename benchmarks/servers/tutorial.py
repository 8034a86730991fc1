"""The tutorial stack: FastAPI, pandas row, Redis reads, predict_proba, shap.TreeExplainer."""

import json
import sys
from pathlib import Path
from typing import Any


def build(folder: Path) -> Any:
    """Application over ``model.ubj``, ``names.json`` and the Redis server in ``redis.json``."""
    import pandas as pd
    import redis
    import shap
    import xgboost
    from fastapi import FastAPI
    from pydantic import BaseModel, create_model

    names: list[str] = json.loads((folder / "names.json").read_text())
    place = json.loads((folder / "redis.json").read_text())
    model = xgboost.XGBClassifier()
    model.load_model(folder / "model.ubj")
    explainer = shap.TreeExplainer(model)
    store = redis.Redis(host="127.0.0.1", port=place["port"], decode_responses=True)

    class Payment(BaseModel):
        event_id: int
        event_time: str
        customer: int
        terminal: int
        amount: float

    answer = create_model("Answer", event_id=(int, ...), score=(float, ...), reasons=(list, ...))
    app = FastAPI()

    @app.post("/v1/decisions", response_model=answer)
    def decide(payment: Payment) -> dict[str, Any]:
        values = store.hgetall(f"customer:{payment.customer}")
        values |= store.hgetall(f"terminal:{payment.terminal}")
        row = pd.DataFrame([values]).reindex(columns=names).astype(float)
        probability = float(model.predict_proba(row)[0, 1])
        contributions = explainer.shap_values(row)[0]
        loudest = sorted(zip(names, contributions, strict=True), key=lambda each: -each[1])[:3]
        reasons = [{"feature": name, "contribution": float(part)} for name, part in loudest]
        return {"event_id": payment.event_id, "score": probability, "reasons": reasons}

    return app


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(build(Path(sys.argv[1])), port=int(sys.argv[2]), log_level="warning")
