"""Where it runs: topology, ISA, placement, snapshot."""
