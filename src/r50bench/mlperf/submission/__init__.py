"""A submission tree made of runs, and what the rules say of it."""
