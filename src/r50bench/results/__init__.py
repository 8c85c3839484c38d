"""What came out: records, samples, KPIs, statistics, history."""
