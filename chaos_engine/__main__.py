"""`python -m chaos_engine` is the command line."""

from chaos_engine.cli import main

main()
