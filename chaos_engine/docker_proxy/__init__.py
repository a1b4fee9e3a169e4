"""`chaos-engine docker-proxy`: the Docker Engine's API, less everything that this project does not ask of it.

Who may write to the Docker socket is root on the host. So the engine does not get it: this small process
does, and lets through the calls that scenarios make, for containers that opted in. It takes each request
apart and makes a new one; what it does not know it refuses, and says by which rule.
"""
