"""Shared by all floors. Its presence puts this folder on sys.path, for synthetic_hosts."""
