"""All runs over time: series, change points, and how a history moves between machines."""
