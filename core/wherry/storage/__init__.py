"""Storages: one contract (`protocol`), one module an implementation, `open` from a URL."""
