"""The same cases on many machines: nodes, what is sent to them, and what comes home."""
