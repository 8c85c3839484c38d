"""ONNX Runtime, a peer."""
