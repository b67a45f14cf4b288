"""A model ready for use: fit, calibration, sub-sample models behind the interval; saved as text and JSON only."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ml.features.spec import Column
from ml.models import discrete
from ml.models.discrete import Floats
from ml.models.fitted import Fitted, Sample, contributions, fit, margins
from ml.task import EquationUse, ModelSpec

SUBSAMPLE = 0.632
FORMAT = 6
"""Of ``model.json``; a model of another format is trained again, never guessed at."""


class ModelUnusable(Exception):
    """A stored model is damaged, incomplete or does not fit the features it is given."""


@dataclass(frozen=True)
class Bundle:
    """Everything that scoring needs.

    Attributes:
        task, task_hash, horizon_days: what it predicts.
        fitted: the model on all training people. calibrator: logistic recalibration from out-of-fold margins.
        subsamples: models on 63.2 % of the training people each, for the interval.
        profile: what the people of the training snapshot looked like, in counts (``ml.drift``); empty if not kept.
    """

    task: str
    task_hash: str
    horizon_days: int
    fitted: Fitted
    calibrator: list[list[float]]
    subsamples: tuple[Fitted, ...] = ()
    profile: dict[str, Any] = field(default_factory=dict)

    @property
    def features(self) -> list[str]:
        return [column.name for column in self.fitted.columns]


@dataclass(frozen=True)
class Prediction:
    """Risk at the horizon (n,), its interval, the probability of dying first, and the risk by the end of each interval
    (n, K)."""

    risk: Floats
    risk_lo: Floats
    risk_hi: Floats
    risk_competing: Floats
    risk_by_interval: Floats


def predict(bundle: Bundle, values: Floats) -> Prediction:
    """Score rows (n, p) in the order of ``bundle.features``.

    The interval is the spread of the sub-sample models on the logit scale, rescaled by sqrt(m / (n - m)) to the full
    sample (reference/ml.md 3.6), around the calibrated risk: model uncertainty, not the chance of the individual.
    """
    found = margins(bundle.fitted, values)
    calibrated = discrete.recalibrated(found, bundle.calibrator)
    by_interval, dying = discrete.incidences(calibrated)
    risk, competing = by_interval[:, -1], dying[:, -1]
    lo = hi = np.full_like(risk, np.nan)
    if bundle.subsamples:
        spread = np.stack([_logit(_risk(bundle, one, values)) for one in bundle.subsamples]).std(axis=0, ddof=1)
        half = 1.96 * spread * np.sqrt(SUBSAMPLE / (1 - SUBSAMPLE))
        lo, hi = _expit(_logit(risk) - half), _expit(_logit(risk) + half)
    return Prediction(risk, lo, hi, competing, by_interval)


def subsample_risks(bundle: Bundle, values: Floats) -> Floats:
    """Return the risks (models, n) of the sub-sample models."""
    return np.stack([_risk(bundle, one, values) for one in bundle.subsamples])


def explain(bundle: Bundle, values: Floats) -> Floats:
    """Return the contribution of each feature to the calibrated log odds (n, p)."""
    return bundle.calibrator[0][1] * contributions(bundle.fitted, values)


def fit_subsamples(bundle: Bundle, sample: Sample, count: int, *, threads: int, seed: int) -> Bundle:
    """Return the bundle with ``count`` models, each on 63.2 % of the people without replacement.

    Sub-sampling, not bootstrap: duplicates of a person on both sides of a split widen intervals of trees falsely.
    """
    people = np.unique(sample.person)
    random = np.random.default_rng(seed)
    subsamples = []
    for number in range(count):
        chosen = random.choice(people, max(round(SUBSAMPLE * len(people)), 1), replace=False)
        part = sample.take(np.isin(sample.person, chosen))
        one = bundle.fitted
        subsamples.append(fit(one.spec, one.equation, part, one.cuts, threads=threads, seed=seed + number))
    return replace(bundle, subsamples=tuple(subsamples))


def save(bundle: Bundle, folder: Path) -> None:
    """Write ``model.json`` and one text file per booster, with the sha256 of each."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, str] = {}

    def stored(fitted: Fitted, name: str) -> dict[str, Any]:
        names = {}
        for cause, booster in fitted.boosters.items():
            text = booster.model_to_string()
            names[cause] = f"{name}_{cause}.txt"
            (folder / names[cause]).write_text(text)
            files[names[cause]] = hashlib.sha256(text.encode()).hexdigest()
        return {"params": fitted.params, "boosters": names}

    equation = bundle.fitted.equation
    declared = {
        "format": FORMAT,
        "task": bundle.task,
        "task_hash": bundle.task_hash,
        "horizon_days": bundle.horizon_days,
        "spec": bundle.fitted.spec.model_dump(mode="json"),
        "equation": None if equation is None else equation.model_dump(mode="json"),
        "columns": [column.model_dump(mode="json") for column in bundle.fitted.columns],
        "cuts": list(map(float, bundle.fitted.cuts)),
        "calibrator": bundle.calibrator,
        "fitted": stored(bundle.fitted, "full"),
        "subsamples": [stored(one, f"subsample_{i:02d}") for i, one in enumerate(bundle.subsamples)],
        "profile": bundle.profile,
        "files": files,
    }
    text = json.dumps(declared, indent=1)
    (folder / "model.json").write_text(text)
    (folder / "model.sha256").write_text(hashlib.sha256(text.encode()).hexdigest())


def load(folder: Path) -> Bundle:
    """Read a saved bundle.

    Raises:
        ModelUnusable: a file is missing or its content is not what was saved.
    """
    import lightgbm

    try:
        text = (folder / "model.json").read_text()
        if hashlib.sha256(text.encode()).hexdigest() != (folder / "model.sha256").read_text().strip():
            raise ModelUnusable("model.json differs from what was saved; train again, do not repair it by hand")
        declared = json.loads(text)
        if declared["format"] != FORMAT:
            raise ModelUnusable("the model was saved by another version of this code; train again")
        boosters = {}
        for name, digest in declared["files"].items():
            content = (folder / name).read_text()
            if hashlib.sha256(content.encode()).hexdigest() != digest:
                raise ModelUnusable(f"{name} differs from what was saved; train again, do not repair it by hand")
            boosters[name] = lightgbm.Booster(model_str=content)
    except FileNotFoundError as error:
        raise ModelUnusable(f"the model lacks {Path(error.filename).name}; train again") from None
    except (UnicodeDecodeError, json.JSONDecodeError, lightgbm.basic.LightGBMError):
        raise ModelUnusable("the model's files cannot be read; train again") from None
    spec = ModelSpec.model_validate(declared["spec"])
    equation = None if declared["equation"] is None else EquationUse.model_validate(declared["equation"])
    columns = tuple(Column.model_validate(one) for one in declared["columns"])
    cuts = np.array(declared["cuts"], float)

    def restored(one: dict[str, Any]) -> Fitted:
        mine = {cause: boosters[name] for cause, name in one["boosters"].items()}
        return Fitted(spec, equation, columns, cuts, one["params"], mine)

    return Bundle(
        declared["task"],
        declared["task_hash"],
        declared["horizon_days"],
        restored(declared["fitted"]),
        declared["calibrator"],
        tuple(restored(one) for one in declared["subsamples"]),
        declared["profile"],
    )


def _risk(bundle: Bundle, fitted: Fitted, values: Floats) -> Floats:
    calibrated = discrete.recalibrated(margins(fitted, values), bundle.calibrator)
    return discrete.cumulative_incidence(calibrated, fitted.cuts, bundle.horizon_days)[0]


def _logit(risk: Floats) -> Floats:
    risk = np.clip(risk, 1e-9, 1 - 1e-9)
    return np.log(risk / (1 - risk))


def _expit(x: Floats) -> Floats:
    return 0.5 * (1 + np.tanh(0.5 * x))
