"""The `quivive` command. Its exit codes are those of `failures.py`."""

import os
import sys

from quivive.cli.failures import EXIT_FAILED, EXIT_USAGE, Failure


def with_profile_first(arguments: list[str]) -> list[str]:
    """`--profile` belongs to the command as a whole, and may stand anywhere in it all the same."""
    for number, argument in enumerate(arguments):
        if argument == "--":
            break
        if argument == "--profile" and number + 1 < len(arguments):
            return ["--profile", arguments[number + 1], *arguments[:number], *arguments[number + 2 :]]
        if argument.startswith("--profile="):
            return [argument, *arguments[:number], *arguments[number + 1 :]]
    return arguments


def main() -> None:
    """Run the command line; whatever goes wrong is one clear line on stderr, never a traceback."""
    from quivive.cli.app import app

    try:
        app(with_profile_first(sys.argv[1:]), prog_name="quivive")
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
