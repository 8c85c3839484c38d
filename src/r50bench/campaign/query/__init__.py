"""Results by query: what is asked is found if it is stored, and produced if it is not."""
