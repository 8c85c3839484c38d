"""``python -m r50bench`` is ``r50bench``."""

from r50bench.cli.main import main

if __name__ == "__main__":
    main()
