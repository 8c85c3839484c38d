"""zentorch, a peer: AMD's plugin of PyTorch."""
