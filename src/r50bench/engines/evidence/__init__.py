"""What a kernel log proves: which kernels ran, on what, and over which layers."""
