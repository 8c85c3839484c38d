"""Bytes the session needs: weights, pictures, compiled models; kept once, with provenance."""
