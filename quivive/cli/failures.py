"""Why a command ends early, in words for whoever typed it, and the exit codes, which are a promise to scripts."""

EXIT_FAILED = 1
"""The server failed or refused; or what was looked for is bad (`--exit-code`); or nobody agreed."""
EXIT_USAGE = 2
"""The command line or the configuration has to be corrected."""
EXIT_UNREACHABLE = 3
"""The server cannot be reached, does not answer in time, or is too busy: the same may succeed later."""
EXIT_NOT_FOUND = 4
"""There is nothing of that name."""
EXIT_DENIED = 5
"""The token is missing, wrong, or does not allow this."""
EXIT_CONFLICT = 6
"""It exists already, somebody else has changed it meanwhile, or something has to be done before."""

EXIT_CODES = {
    0: "done",
    EXIT_FAILED: "the server failed or refused, or what was looked for is bad",
    EXIT_USAGE: "the command line or the configuration has to be corrected",
    EXIT_UNREACHABLE: "the server cannot be reached",
    EXIT_NOT_FOUND: "there is nothing of that name",
    EXIT_DENIED: "the token is missing or does not allow it",
    EXIT_CONFLICT: "something else is in the way",
}


class Failure(Exception):
    """Ends the command with its text on stderr."""

    def __init__(self, message: str, exit_code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
