"""Tasks to try wherry with: the demo and the docs use them.  Standard library only, alike on both shores."""
