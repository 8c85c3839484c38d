"""Queries in the manner of axs: terms, what they mean, and the stored runs that answer."""
