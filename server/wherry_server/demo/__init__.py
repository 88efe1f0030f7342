"""`wherry demo`: one screen, two shores.  The server's side of it, and the check that plays it headless."""
