"""Settings and a host become an effective case and its placement; nothing here runs."""
