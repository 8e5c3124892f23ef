"""`quivive profile`"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from quivive.cli.failures import EXIT_NOT_FOUND, EXIT_USAGE, Failure
from quivive.cli.names import complete_profile
from quivive.cli.options import Output, OutputOption

app = typer.Typer(help="Several servers, each under a name.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", autocompletion=complete_profile)]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME")],
    server: Annotated[str, typer.Option("--server", help="host:port of its gRPC; https://host:port for TLS.")],
    ca: Annotated[str, typer.Option("--ca", help="File of the authority of its certificate, where not public.")] = "",
    certificate: Annotated[
        str, typer.Option("--certificate", help="File of our certificate, where it wants one.")
    ] = "",
    key: Annotated[str, typer.Option("--key", help="File of the certificate's key.")] = "",
    token_env: Annotated[str, typer.Option("--token-env", help="The environment variable that holds the token.")] = "",
    token_file: Annotated[
        str, typer.Option("--token-file", help="The file, readable by you only, that holds the token.")
    ] = "",
    use: Annotated[bool, typer.Option("--use", help="Make it the default.")] = False,
) -> None:
    """Add a server, or change the one of this name. Tokens are not kept here, only where to read them."""
    from quivive.cli.profiles import Profile, check_profile_name, load_profiles, save
    from quivive.cli.servers import parse_address

    scheme, address = parse_address(server)
    if token_env and token_file:
        raise Failure("give --token-env or --token-file, not both", EXIT_USAGE)
    if bool(certificate) != bool(key):
        raise Failure("--certificate and --key go together", EXIT_USAGE)
    if token_env.startswith("qv_") or (token_env and not token_env.replace("_", "a").isalnum()):
        raise Failure("--token-env: give the variable's name, not the token", EXIT_USAGE)
    files = {
        option: str(Path(text).expanduser().absolute()) if text else ""
        for option, text in {"ca": ca, "certificate": certificate, "key": key, "token_file": token_file}.items()
    }
    profile = Profile(
        name=check_profile_name(name),
        server=f"http://{address}" if scheme == "http" else address,
        tls=scheme == "https" or bool(ca or certificate),
        token_env=token_env,
        **files,
    )
    profiles = load_profiles()
    default = name if use or not profiles.profiles else profiles.default
    save(replace(profiles, default=default, profiles={**profiles.profiles, name: profile}))
    print(f"Profile {name}: {server}" + (", the default" if default == name else ""))


@app.command("use")
def use_profile(name: NameArgument) -> None:
    """Make a profile the default. `-` for none: this machine again."""
    from quivive.cli.profiles import load_profiles, save

    profiles = load_profiles()
    if name != "-" and name not in profiles.profiles:
        raise Failure(f"there is no profile {name}", EXIT_NOT_FOUND)
    save(replace(profiles, default="" if name == "-" else name))
    print("No profile is the default." if name == "-" else f"{name} is the default.")


@app.command("remove")
def remove(name: NameArgument) -> None:
    """Forget a server."""
    from quivive.cli.profiles import load_profiles, save

    profiles = load_profiles()
    if name not in profiles.profiles:
        raise Failure(f"there is no profile {name}", EXIT_NOT_FOUND)
    left = {key: value for key, value in profiles.profiles.items() if key != name}
    save(replace(profiles, default="" if profiles.default == name else profiles.default, profiles=left))
    print(f"Removed profile {name}.", file=sys.stderr)


@app.command("list")
def list_profiles(output: OutputOption = Output.TABLE) -> None:
    """List servers, and where their tokens come from."""
    from quivive.cli.output import print_table, show
    from quivive.cli.profiles import load_profiles

    profiles = load_profiles()
    records = [
        {
            "name": name,
            "server": profile.server,
            "default": name == profiles.default,
            "tls": profile.tls,
            "token_env": profile.token_env or None,
            "token_file": profile.token_file or None,
        }
        for name, profile in profiles.profiles.items()
    ]
    show(
        output,
        list(records),
        lambda: print_table(
            ["profile", "server", "default", "tls", "token"],
            [
                (
                    record["name"],
                    record["server"],
                    "yes" if record["default"] else "",
                    "yes" if record["tls"] else "no",
                    record["token_env"] or record["token_file"],
                )
                for record in records
            ],
            empty="There is no profile: see quivive profile add.",
        ),
    )
