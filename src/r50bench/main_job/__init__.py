"""The wing that answers how fast this machine is, in one table."""
