"""Write requirements/<extra>.txt: every dependency of an extra, pinned and hashed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

for extra in ("agent", "aggregator", "api", "embedded", "dev"):
    subprocess.run(
        [
            Path(sys.executable).parent / "uv",
            *("pip", "compile", "pyproject.toml", "--quiet", "--extra", extra, "--generate-hashes"),
            *("--no-emit-index-url", "--no-annotate", "--no-header", "--python-version", "3.11", "--universal"),
            *("-o", f"requirements/{extra}.txt"),
        ],
        cwd=ROOT,
        check=True,
    )
