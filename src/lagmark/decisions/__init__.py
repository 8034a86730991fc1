"""What to do about a score: rules, lists, thresholds, the control group."""
