"""OpenVINO, a peer."""
