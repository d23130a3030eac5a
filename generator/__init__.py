"""A company made from a seed: the parts that `generator.generate` puts together.

Everything drawn is a pure function of (seed, name of the draw, index), so rows never depend on the
order of work or the number of threads. Money is held as int64 in units of 1/10000 of its currency.
"""
