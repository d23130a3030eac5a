"""How long tests wait for what should happen soon."""

# Seconds. Machines differ, and others work on them: what is not there by then hangs.
PATIENCE = 900
