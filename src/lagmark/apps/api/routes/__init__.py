"""Routes by subject, one file each."""
