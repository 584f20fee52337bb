"""NDCG@10 (Jaervelin & Kekaelaeinen 2002) in trec_eval's form, with both gains in use, and bootstrap intervals."""

import numpy as np

CUTOFF = 10
GAINS = {"linear": lambda grade: grade, "exponential": lambda grade: 2.0**grade - 1.0}


def ndcg_per_query(scores: np.ndarray, grades: np.ndarray, gain: str = "linear") -> np.ndarray:
    """scores and grades are [queries, documents]; returns NDCG@10 of each query."""
    gains = GAINS[gain](grades.astype(np.float64))
    discounts = 1.0 / np.log2(np.arange(2, CUTOFF + 2))
    best_first = np.argsort(-scores, axis=1, kind="stable")[:, :CUTOFF]
    gained = np.take_along_axis(gains, best_first, axis=1) @ discounts
    ideal = -np.sort(-gains, axis=1)[:, :CUTOFF] @ discounts
    return gained / ideal


def bootstrap_interval(values: np.ndarray, resamples: int = 10_000, seed: int = 20260101) -> tuple[float, float]:
    """Returns the 95% percentile bootstrap interval of the mean over queries."""
    draws = np.random.default_rng(seed).integers(0, len(values), (resamples, len(values)))
    low, high = np.percentile(values[draws].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def describe(scores: np.ndarray, grades: np.ndarray) -> str:
    parts = []
    for gain in GAINS:
        values = ndcg_per_query(scores, grades, gain)
        low, high = bootstrap_interval(values)
        parts.append(f"ndcg@10 {gain} {values.mean():.4f} ({low:.4f}-{high:.4f})")
    return f"{', '.join(parts)}, n={len(scores)}"
