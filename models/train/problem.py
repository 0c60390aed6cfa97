class Problem(Exception):
    """An error the user can cure: printed as one line, without a traceback."""
