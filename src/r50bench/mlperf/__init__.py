"""The wing for MLPerf: runs under LoadGen, queries that find them, submissions made of them."""
