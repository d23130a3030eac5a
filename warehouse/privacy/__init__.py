"""One customer's data: handed over in full, or made nobody's, in the warehouse and in every copy of it.

`columns` knows which columns speak of a customer, `veil` what stands in their place, `tombstones` keeps an erased
customer from coming back with the next load, `rewriting` and `leftovers` work on files, `erase` and `export` are the
two commands.
"""
