"""The demo shop, and the failure-state reader and middleware that any app may copy."""
