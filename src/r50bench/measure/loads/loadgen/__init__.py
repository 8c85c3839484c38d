"""LoadGen inside a worker: the system under test, its sample library, and who answers."""
