"""Reasons for a customer's churn probability: what each theme adds to the log-odds, and three short sentences.

A customer is compared with the typical active customer, theme by theme (see `reason_texts`). Starting at the typical
one, a theme's features are set to the customer's own, then those of the next theme as well, and so on: what the
log-odds change by at a theme's turn is its part. Because the parts depend on the order of turns, they are the mean of
one order and its reverse. In any model they add up to the difference between the customer's log-odds and the typical
ones, which no change of one theme at a time does; in a model without interactions they are coefficient times
difference, and in one whose themes interact by pairs they are the Shapley values over all orders.

Source: Strumbelj and Kononenko (2014), "Explaining prediction models and individual predictions with feature
contributions"; the pair of orders: Lundberg and Lee (2017), supplement. Themes whose features the model does not use
contribute nothing and are never given as a reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ml.churn.backtest import log_odds
from ml.churn.calibration import CalibratedModel
from ml.churn.feature_matrix import FeatureMatrix
from ml.churn.reason_texts import Theme, say, themes_of
from ml.common.frames import typed

REASONS_COUNT = 3
SHOWN_COUNT = 5
ALL_ELSE = "all else"
CONTRIBUTION_COLUMNS = ["customer_id", "contribution_rank", "theme", "contribution", "sentence"]
_DECIMALS = 9
# Of published parts: another processor's kernels move the twelfth.
SHOWN_DECIMALS = 6


@dataclass(frozen=True)
class Contributions:
    """What makes the log-odds of churn of some customers.

    base: log-odds of the typical customer; themes: the themes of the model's features; parts: (n, themes) log-odds that
    each adds, to nine decimals, positive where it raises the risk. `base + parts.sum(axis=1)` is a customer's log-odds.
    """

    base: float
    themes: tuple[Theme, ...]
    parts: np.ndarray

    @property
    def log_odds(self) -> np.ndarray:
        """(n,) log-odds of churn."""
        return self.base + self.parts.sum(axis=1)

    def strongest(self) -> np.ndarray:
        """(n, themes) numbers of themes, those first that move the log-odds furthest, up or down."""
        return np.argsort(-np.abs(self.parts), axis=1, kind="stable")

    def on_own_side(self) -> np.ndarray:
        """(n, themes) parts as they move customers to their own side: up for those riskier than the typical one, down
        for others."""
        riskier = self.log_odds >= self.base
        return np.where(riskier[:, None], self.parts, -self.parts)


def typical_values(matrix: FeatureMatrix) -> np.ndarray:
    """(features,) median over active customers (over all where none is active); NaN for a feature always unknown."""
    chosen = matrix.x[matrix.active] if matrix.active.any() else matrix.x
    known = ~np.all(np.isnan(chosen), axis=0)
    typical = np.full(chosen.shape[1], np.nan)
    typical[known] = np.nanmedian(chosen[:, known], axis=0)
    return typical


def contributions(
    model: CalibratedModel, matrix: FeatureMatrix, features: tuple[str, ...], typical: np.ndarray
) -> Contributions:
    """What each theme adds to the log-odds of each row. `typical` is by `matrix.features`."""
    x = matrix.columns(features)
    usual = typical[[matrix.features.index(name) for name in features]]
    themes = themes_of(features)
    positions = [list(places) for places in themes.values()]
    base = float(np.round(log_odds(model, usual[None, :])[0], _DECIMALS))
    own = log_odds(model, x)
    forward = _steps(model, x, usual, positions, base, own)
    backward = _steps(model, x, usual, positions[::-1], base, own)[:, ::-1]
    return Contributions(base, tuple(themes), np.round((forward + backward) / 2, _DECIMALS))


def _steps(
    model: CalibratedModel,
    x: np.ndarray,
    usual: np.ndarray,
    positions: Sequence[list[int]],
    base: float,
    own: np.ndarray,
) -> np.ndarray:
    """(n, themes) changes of the log-odds on the way from the typical customer to each row, a theme at a time."""
    mixed = np.tile(usual, (len(x), 1))
    odds = [np.full(len(x), base)]
    for places in positions[:-1]:
        mixed[:, places] = x[:, places]
        odds.append(log_odds(model, mixed))
    return np.diff(np.column_stack([*odds, own]), axis=1)


def sentences(matrix: FeatureMatrix, typical: np.ndarray, themes: Sequence[Theme], wanted: np.ndarray) -> np.ndarray:
    """(n, themes) what is said of each theme of each row where it is `wanted`, else None."""
    values = dict(zip(matrix.features, matrix.x.T, strict=True))
    medians = dict(zip(matrix.features, typical, strict=True))
    said = np.full(wanted.shape, None, dtype=object)
    for number, theme in enumerate(themes):
        rows = np.flatnonzero(wanted[:, number])
        said[rows, number] = say(theme, values, medians, rows)
    return said


def explain(matrix: FeatureMatrix, typical: np.ndarray, found: Contributions) -> np.ndarray:
    """(n, 3) sentences, strongest first: for a customer riskier than the typical one the reasons that raise the risk,
    for others the reasons that lower it. None if there are fewer than three such themes.
    """
    strength = found.on_own_side()
    order = np.argsort(-strength, axis=1, kind="stable")[:, :REASONS_COUNT]
    wanted = np.zeros(strength.shape, dtype=bool)
    np.put_along_axis(wanted, order, np.take_along_axis(strength, order, axis=1) > 0, axis=1)
    said = sentences(matrix, typical, found.themes, wanted)
    reasons = np.full((len(matrix), REASONS_COUNT), None, dtype=object)
    reasons[:, : order.shape[1]] = np.take_along_axis(said, order, axis=1)
    return reasons


def contribution_rows(matrix: FeatureMatrix, typical: np.ndarray, found: Contributions) -> pd.DataFrame:
    """CONTRIBUTION_COLUMNS: of each customer the five themes that move the log-odds most, in words, and all others
    together as the last, so that the rows of a customer add up to the difference from the typical log-odds."""
    order = found.strongest()[:, :SHOWN_COUNT]
    wanted = np.zeros(found.parts.shape, dtype=bool)
    np.put_along_axis(wanted, order, True, axis=1)
    said = sentences(matrix, typical, found.themes, wanted)
    names = np.array([theme.name for theme in found.themes], dtype=object)
    parts = np.round(np.take_along_axis(found.parts, order, axis=1), SHOWN_DECIMALS)
    tables = [
        _ranked(matrix, rank + 1, names[order[:, rank]], parts[:, rank], said[np.arange(len(said)), order[:, rank]])
        for rank in range(order.shape[1])
    ]
    if len(names) > SHOWN_COUNT:
        rest = found.parts.sum(axis=1) - parts.sum(axis=1)
        tables.append(_ranked(matrix, SHOWN_COUNT + 1, ALL_ELSE, np.round(rest, SHOWN_DECIMALS), None))
    rows = pd.concat(tables, ignore_index=True)
    return rows.sort_values(["customer_id", "contribution_rank"], ignore_index=True)


def _ranked(matrix: FeatureMatrix, rank: int, theme: Any, contribution: np.ndarray, sentence: Any) -> pd.DataFrame:
    columns = {
        "customer_id": matrix.customer,
        "contribution_rank": rank,
        "theme": theme,
        "contribution": contribution,
        "sentence": sentence,
    }
    return typed(pd.DataFrame(columns), CONTRIBUTION_COLUMNS)
