"""`python -m generator`: write a company's deliveries into a folder."""

from generator.generate import main

main()
