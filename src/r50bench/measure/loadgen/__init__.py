"""MLPerf's LoadGen as a load: it runs inside one worker, whose instances answer it."""
