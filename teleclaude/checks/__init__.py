"""The self-check: what is seen of an installation, and its faults, each with a remedy."""
