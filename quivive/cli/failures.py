"""Why a command ends early, in words for whoever typed it."""

EXIT_FAILED = 1
"""The server failed, refused or could not be reached."""
EXIT_USAGE = 2
"""The command line or the configuration has to be corrected."""


class Failure(Exception):
    """Ends the command with its text on stderr."""

    def __init__(self, message: str, exit_code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code
