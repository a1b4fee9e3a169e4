"""What runs in a helper container: a fault in another container's namespaces or cgroup, and its end.

It is a program of its own (`python -m chaos_engine.helper`), made from the engine's image, that knows nothing
of the engine and needs nothing but the standard library, `tc` and `iptables`. It acts, tells that it has,
holds until its deadline or SIGTERM, undoes, looks that it is undone, and tells that: whatever has become of
the engine meanwhile.
"""
