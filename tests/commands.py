"""Runs commands in this process, for tests of what they print."""

import chiptrack


def run(capsys, *words) -> tuple[int, str, str]:
    """Give a command; returns its exit status and what it printed on stdout and stderr."""
    try:
        status = chiptrack.main([str(word) for word in words])
    except SystemExit as end:
        status = end.code
    captured = capsys.readouterr()
    return status, captured.out, captured.err
