class CannotDeploy(Exception):
    """Says in one line what is wrong and what to do."""
