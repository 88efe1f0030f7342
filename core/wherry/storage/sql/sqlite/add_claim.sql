-- Remember the token: its repeat claims nothing more, even after all its jobs are settled.
INSERT OR REPLACE INTO claims (claim, at_ms) VALUES (?, ?)
