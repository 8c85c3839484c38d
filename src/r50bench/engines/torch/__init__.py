"""PyTorch as it ships: ahead of time by AOTInductor, compiled in place, and eager."""
