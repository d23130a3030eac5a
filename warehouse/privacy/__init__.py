"""One customer's data: exported in full, or erased in the warehouse and in every copy of it.

`erase` and `export` are the two commands. `data_subject` describes the customer, `rewriting` writes databases anew,
`residual_files` cleans other files, and `source_files` lists what the sources still hold. Which columns are personal,
what masks them, and the register of erased customers are in `warehouse.identity`, since ingest needs them too.
"""
