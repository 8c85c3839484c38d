"""The wing that sets every layer against its roofline."""
