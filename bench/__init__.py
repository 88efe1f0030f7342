"""One file a question; `python3 build.py bench NAME` answers it."""
