"""What tests of wherry and of programs that use it are made with."""
