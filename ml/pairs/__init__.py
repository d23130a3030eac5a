"""What is bought together."""

from ml.pairs.basket_pairs import PairResult, compare_pairs

__all__ = ["PairResult", "compare_pairs"]
