"""Two records of the same question, side by side."""
