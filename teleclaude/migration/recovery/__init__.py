"""A run that was cut off: found, planned again, verified again, finished or undone; and `verify` later."""
