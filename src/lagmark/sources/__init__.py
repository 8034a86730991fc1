"""Raw rows from files, validated into events."""
