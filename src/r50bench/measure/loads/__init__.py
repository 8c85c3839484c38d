"""The traffic that a session puts on its instances."""
