"""The wing that stands where a container of the Workload Services Framework's workload stood."""
