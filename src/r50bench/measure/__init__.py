"""One run: session, pool, worker, loop, protocol."""
