"""The parts of build.py.  Standard library only, but where a module says otherwise."""
