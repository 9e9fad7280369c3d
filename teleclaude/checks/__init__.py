"""The self-check: what is seen of an installation, and what is wrong with it, each thing with its remedy."""
