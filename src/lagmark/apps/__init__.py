"""The programs: command line and jobs; the only code that prints."""
