"""The MLflow model, logged from this file (models from code): no pickles, loads with pickles forbidden."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel


class RiskModel(PythonModel):
    """Features in (all double, NaN for not known), risk at the horizon with its interval out. Research use only."""

    def load_context(self, context: Any) -> None:
        """Read the bundle; refuses a damaged one."""
        from ml.models import bundle

        self.folder = Path(context.artifacts["bundle"])
        self.bundle = bundle.load(self.folder)

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Return risk, risk_lo, risk_hi and risk_competing per row."""
        from ml.models import bundle

        values = model_input[self.bundle.features].to_numpy(np.float64)
        found = bundle.predict(self.bundle, values)
        names = ("risk", "risk_lo", "risk_hi", "risk_competing")
        return pd.DataFrame({name: getattr(found, name) for name in names}, index=model_input.index)


mlflow.models.set_model(RiskModel())
