"""wherry in the browser: the storage over IndexedDB, and the Python side of a tab's executor."""
