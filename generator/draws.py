"""Random numbers as a pure function of seed, name and index: nothing here keeps a state."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int8]
Ints = npt.NDArray[np.signedinteger]
Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


class Draws:
    """Named streams of random numbers, addressed by index.

    The mixer is SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def bits(self, name: str, index: npt.ArrayLike) -> Bits:
        """Return 64 random bits per index; same seed, name and index, same bits."""
        digest = hashlib.blake2b(f"{self._seed}:{name}".encode(), digest_size=8).digest()
        start = np.frombuffer(digest, dtype="<u8")
        mixed = np.atleast_1d(np.asarray(index)).astype(np.uint64) * _GOLDEN + start
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
        return mixed ^ (mixed >> np.uint64(31))

    def uniform(self, name: str, index: npt.ArrayLike) -> Floats:
        """Return numbers in [0, 1), one per index, with 53 random bits each."""
        return (self.bits(name, index) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def below(self, name: str, index: npt.ArrayLike, limit: npt.ArrayLike) -> Ints:
        """Return whole numbers in [0, limit), one per index; `limit` is one number or one per index."""
        return np.floor(self.uniform(name, index) * np.asarray(limit)).astype(np.int64)

    def choose(self, name: str, count: int, picks: int) -> Ints:
        """Return min(picks, count) distinct positions of range(count), ascending, spread over all of it."""
        picks = min(picks, count)
        strata = np.arange(picks + 1, dtype=np.int64) * count // max(picks, 1)
        return strata[:-1] + self.below(name, np.arange(picks), np.diff(strata))

    def shuffle(self, name: str, values: Ints) -> Ints:
        """Return the same values in a random order."""
        return values[np.argsort(self.bits(name, np.arange(len(values))), kind="stable")]
