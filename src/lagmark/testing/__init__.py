"""Contract suites and strategies that new parts are tested with."""
