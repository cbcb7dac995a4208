"""What runs the test suites of other servers and clients against `loam serve`: only their start-up is adapted, never an assertion."""
