"""Guards that are removed one at a time, and the tests that must notice."""
