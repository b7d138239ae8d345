"""A package, so that its boxes and browsers end with its last test: two of Playwright cannot run in one process."""
