"""The wing that measures other engines beside ours, round by round in one run."""
