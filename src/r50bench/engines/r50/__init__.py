"""r50bench's own kernels: what they run, how they are built, and the engine around them."""
