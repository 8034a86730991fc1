"""One estimator of final frauds per file."""
