"""r50bench measures ResNet-50 inference on this machine and proves every number it prints."""

__all__ = ["__version__"]

__version__ = "0.1.0"
