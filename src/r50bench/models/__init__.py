"""The ResNet-50 graph, v1 and v1.5."""
