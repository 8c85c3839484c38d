"""Shared by all floors. Its presence puts this folder on sys.path, for the modules beside it."""
