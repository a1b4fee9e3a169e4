"""The only code that talks to files, Docker, AWS and HTTP."""
