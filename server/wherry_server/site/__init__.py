"""Makes the folder that a web server hands out: the tab's Python, wherry's scripts and the app's tasks.

`wherry site` and a checkout's `build.py site` share it.  At import it needs the standard library alone,
because `build.py` reads it before anything is installed.
"""
