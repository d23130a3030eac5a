"""A file for each figure: which columns it needs, its rule in words, its rows, and how it comes out."""
