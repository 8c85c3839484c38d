"""The wing that searches for a case's best settings and keeps what it found."""
