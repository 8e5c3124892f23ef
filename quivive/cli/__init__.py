"""The `quivive` command.

Exit codes: 0 done; 1 the server failed, refused or could not be reached; 2 the command line or the configuration has to be
corrected.
"""

import os
import sys

from quivive.cli.failures import EXIT_FAILED, EXIT_USAGE, Failure


def main() -> None:
    """Run the command line; whatever goes wrong is one clear line on stderr, never a traceback."""
    from quivive.cli.app import app

    try:
        app(prog_name="quivive")
    except Failure as failure:
        print(failure, file=sys.stderr)
        raise SystemExit(failure.exit_code) from None
    except ModuleNotFoundError as error:
        print(f"quivive: {error.name} is missing: pip install 'quivive[embedded]'", file=sys.stderr)
        raise SystemExit(EXIT_USAGE) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(EXIT_FAILED) from None
    except Exception as error:
        if "QUIVIVE_TRACEBACK" in os.environ:
            raise
        print(f"quivive: internal error: {type(error).__name__}: {error}", file=sys.stderr)
        print("Set QUIVIVE_TRACEBACK=1 to see where, and please report it.", file=sys.stderr)
        raise SystemExit(EXIT_FAILED) from None
