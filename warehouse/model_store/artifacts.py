"""Models on disk, without pickle: written completely or not at all, and loaded only if all types are known beforehand.

    <models_dir>/<name>/<model_run_id>.skops   the fitted model
    <models_dir>/<name>/<model_run_id>.json    its run record
    <models_dir>/<name>/<model_run_id>.md      its model card
    <models_dir>/<name>/comparison-<key>.json  what a comparison of models found
    <models_dir>/<name>/champion.json          which model was chosen for which as_of_date

The champion is looked up as of a date: a run for a day starts from the choice for earlier days, so it gives the same
answer however often it is repeated.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import zipfile
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.errors import UserError
from warehouse.files import write_atomically

# Beyond the public types of scikit-learn and numpy, which skops knows: what the pipelines of `candidates` are made of.
# Those of scipy and scikit-learn are private, so both are pinned to a minor version in pyproject.toml.
TRUSTED_TYPES = (
    "ml.churn.calibration.CalibratedModel",
    "ml.churn.candidates.signed_log",
    "ml.common.classifiers.SteadyLogistic",
    "ml.common.classifiers.SteadyNetwork",
    "ml.common.classifiers.SteadySvm",
    "numpy.dtype",
    "scipy._lib.array_api_compat.numpy._aliases.asarray",
    "scipy.interpolate._bsplines.BSpline",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
)

_CHAMPION = "champion.json"
log = logging.getLogger(__name__)


class UnknownTypesError(UserError):
    """A saved model is made of types that are not in TRUSTED_TYPES, as another version of a library may make it."""


@dataclass(frozen=True)
class SavedModel:
    """A saved model. comparison: the result of the comparison that last chose it, under `training_key`."""

    run: Mapping[str, Any]
    model: Any
    training_key: str | None
    comparison: Mapping[str, Any] | None


def save_model(models_dir: Path, name: str, run: Mapping[str, Any], model: Any, card: str) -> Path:
    """Write a fitted model, its run record and its card; returns the model's path.

    The model file comes last, so that a model that can be loaded has its record and card. An existing model stays as it
    is: the same `model_run_id` is the same model.
    """
    import skops.io

    stem = _folder(models_dir, name) / _plain(str(run["model_run_id"]))
    path = stem.with_suffix(".skops")
    if not path.exists():
        write_atomically(stem.with_suffix(".json"), _json(run))
        write_atomically(stem.with_suffix(".md"), card.encode())
        write_atomically(path, skops.io.dumps(model))
    return path


def load_model(models_dir: Path, name: str, model_run_id: str) -> Any:
    """The fitted model of a run. Raises UserError when it is missing, damaged or made of an unknown type."""
    import skops.io

    path = _folder(models_dir, name) / f"{_plain(model_run_id)}.skops"
    content = _read(path, "the saved model")
    try:
        unknown = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED_TYPES))
        if unknown:
            raise UnknownTypesError(
                f"{path} holds types that no model of this product is made of: {', '.join(unknown)}. "
                "It was not loaded. Remove the file, and the next run trains the model anew."
            )
        return skops.io.loads(content, trusted=list(TRUSTED_TYPES))
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise UserError(f"{path} is damaged ({error}). Remove it, and the next run trains the model anew.") from error


def set_champion(
    models_dir: Path,
    name: str,
    as_of_date: dt.date,
    model_run_id: str,
    *,
    training_key: str | None = None,
    comparison: Mapping[str, Any] | None = None,
) -> None:
    """Record that a saved model was chosen for a date, replacing an earlier record for that date."""
    folder = _folder(models_dir, name)
    if comparison is not None and training_key is not None:
        write_atomically(folder / f"comparison-{_plain(training_key)}.json", _json(comparison))
    chosen = {entry["as_of_date"]: entry for entry in _choices(folder)}
    entry = {"as_of_date": str(as_of_date), "model_run_id": model_run_id, "training_key": training_key}
    chosen[str(as_of_date)] = entry
    write_atomically(folder / _CHAMPION, _json({"chosen": [chosen[day] for day in sorted(chosen)]}))


def load_champion(models_dir: Path, name: str, before: dt.date) -> SavedModel | None:
    """The model chosen for the latest date before `before`, or None.

    A model of unknown types, saved with another version of a library, is no champion; a warning says so. Raises
    UserError for files that are missing or damaged.
    """
    folder = _folder(models_dir, name)
    chosen = _chosen_before(folder, before)
    if chosen is None:
        return None
    run_id, key = chosen["model_run_id"], chosen["training_key"]
    run = _load_json(folder / f"{_plain(run_id)}.json")
    comparison = folder / f"comparison-{key}.json"
    try:
        model = load_model(models_dir, name, run_id)
    except UnknownTypesError as error:
        log.warning("No champion is used for %s. %s", name, error)
        return None
    return SavedModel(
        run=run,
        model=model,
        training_key=key,
        comparison=_load_json(comparison) if key and comparison.exists() else None,
    )


def expire_choices(models_dir: Path, name: str, needed: Callable[[Collection[dt.date]], Collection[dt.date]]) -> int:
    """Forget the choices of days that are not `needed`, and delete every file that no choice left names.

    needed: of the days with a choice, those that keep it. Returns how many files were deleted.
    """
    folder = _folder(models_dir, name)
    choices = _choices(folder)
    kept_days = {str(day) for day in needed([dt.date.fromisoformat(entry["as_of_date"]) for entry in choices])}
    kept = [entry for entry in choices if entry["as_of_date"] in kept_days]
    if kept != choices:
        write_atomically(folder / _CHAMPION, _json({"chosen": kept}))
    stems = {Path(_CHAMPION).stem}
    for entry in kept:
        stems |= {entry["model_run_id"], f"comparison-{entry['training_key']}"}
    unnamed = [path for path in folder.iterdir() if path.is_file() and path.name.split(".")[0] not in stems]
    for path in unnamed:
        path.unlink()
    return len(unnamed)


def champion_before(models_dir: Path, name: str, before: dt.date) -> str | None:
    """The model_run_id of the model chosen for the latest date before `before`, without loading it."""
    chosen = _chosen_before(_folder(models_dir, name), before)
    return chosen["model_run_id"] if chosen else None


def _chosen_before(folder: Path, before: dt.date) -> dict[str, Any] | None:
    earlier = [entry for entry in _choices(folder) if entry["as_of_date"] < str(before)]
    return earlier[-1] if earlier else None


def _folder(models_dir: Path, name: str) -> Path:
    return Path(models_dir) / _plain(name)


def _plain(name: str) -> str:
    """A name that is safe as a file's; ValueError otherwise."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise ValueError(f"{name!r} cannot name a model: letters, digits, - and _ only")
    return name


def _choices(folder: Path) -> list[dict[str, Any]]:
    path = folder / _CHAMPION
    return _load_json(path)["chosen"] if path.exists() else []


def _json(content: Any) -> bytes:
    return json.dumps(content, indent=1, sort_keys=True, allow_nan=False).encode() + b"\n"


def _load_json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(_read(path, "the record of a saved model"))
    except json.JSONDecodeError as error:
        raise UserError(f"{path} is damaged ({error}). Remove {path.parent}, and the next run trains anew.") from error


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(
            f"{path}, {what}, is missing, although {path.parent / _CHAMPION} may name it. "
            f"Restore it, or remove {path.parent}, and the next run trains anew."
        ) from None
