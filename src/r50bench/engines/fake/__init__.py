"""An engine with scripted latencies and a clock of its own."""
