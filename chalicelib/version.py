VERSION = "0.1.0"
"""Read by the build, and by user agents, since in Lambda there is no metadata of a package."""
