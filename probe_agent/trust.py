"""Which certificate authorities are trusted."""

import os
import ssl
from collections.abc import Sequence
from pathlib import Path

import certifi


def load_trust() -> ssl.SSLContext:
    """The system's authorities with SSL_CERT_FILE's, or certifi's where the system has none. ValueError: unreadable file.

    Loading takes tens of milliseconds: once per process.
    """
    file = os.environ.get("SSL_CERT_FILE")
    if file and not Path(file).is_file():
        raise ValueError(f"SSL_CERT_FILE: there is no file {file}")
    try:
        context = ssl.create_default_context()
        paths = ssl.get_default_verify_paths()
        if paths.cafile is None and paths.capath is None:
            context.load_verify_locations(certifi.where())
        elif file:
            # OpenSSL passes over a file it cannot read; say so instead.
            context.load_verify_locations(file)
    except (ssl.SSLError, OSError) as error:
        raise ValueError(f"SSL_CERT_FILE: {file}: {error}") from error
    context.set_alpn_protocols(["http/1.1"])
    return context


def anchors() -> Sequence[Path]:
    """The file and the folder that `load_trust` reads."""
    paths = ssl.get_default_verify_paths()
    return [Path(path) for path in (paths.cafile, paths.capath) if path] or [Path(certifi.where())]
