"""Many runs: the main job over every precision of the host."""
