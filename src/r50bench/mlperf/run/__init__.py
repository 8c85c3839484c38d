"""One run under LoadGen: its targets and length, the session, and what its logs say."""
