"""Why a customer has a figure: the rows and the arithmetic behind it, from the live publication alone."""
