"""`quivive backup` and `quivive restore`"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from quivive.cli.failures import Failure

DataDir = Annotated[Path, typer.Option("--data-dir", help="As for `quivive up`.")]
DEFAULT_DATA_DIR = Path(".quivive")


def backup(
    file: Annotated[
        Path | None, typer.Option("-o", "--output-file", help="[default: quivive-<time>.tar in this folder]")
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Save everything that `quivive up` keeps into one file, while it runs or not. The file holds passwords."""
    from quivive.embedded import backup as backups
    from quivive.embedded.supervise import Failed

    target = file or Path(f"quivive-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar")
    try:
        backups.backup(data_dir, target)
    except Failed as error:
        raise Failure(str(error), error.code) from None
    print(f"wrote {target}: {target.stat().st_size / 2**20:.1f} MiB")


def restore(
    file: Annotated[Path, typer.Argument(help="What `quivive backup` wrote.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Make a new data directory from a backup, and verify its evidence log."""
    from quivive.embedded import backup as backups
    from quivive.embedded.supervise import Failed

    try:
        restored = backups.restore(file, data_dir)
    except Failed as error:
        raise Failure(str(error), error.code) from None
    entries = sum(chain.head.sequence for chain in restored.chains)
    print(f"restored {data_dir} as of {restored.time}, written by Quivive {restored.version}")
    print(f"evidence log: {entries} entries in {len(restored.chains)} chains, all of them verified")
