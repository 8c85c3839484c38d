"""What several tests share: made machines, records, registries and command lines."""
