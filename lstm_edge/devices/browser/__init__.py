"""Pages for browsers: their runtimes, a server, the measuring page, and the demo."""
