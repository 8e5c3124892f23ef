"""TLS as a client: OpenSSL between two memory buffers, the one that the cryptography package brings along.

The standard library's `ssl` is not used for what is looked at, for three reasons. The system's OpenSSL is often 3.0, which takes
half as long again for a handshake. `ssl` copies a session, its certificate included, by writing and parsing it, which makes
resuming one as dear as a full handshake. And it tells nothing of a certificate that was not verified.

Exceptions are those of `ssl`, with OpenSSL's reasons in its spelling. All of a process's connections live on one thread.
"""

import ssl
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography.hazmat.bindings.openssl.binding import Binding

GROUPS = b"X25519:P-256:X448:P-521:P-384"
"""A key is made for the first one; the others are asked for by a server that does not know it."""
PROTOCOLS = b"\x08http/1.1"
READ_BYTES = 64 * 1024

# A C library as cffi shows it: none of it has types.
_lib: Any = Binding().lib
_ffi: Any = Binding().ffi
_buffer: Any = _ffi.new("char[]", READ_BYTES)
"""What is read goes through here; nothing waits in it."""


class Session:
    """What a server gave to resume; of use to the `Client` that it was given to."""

    __slots__ = ("pointer",)

    def __init__(self, pointer: Any) -> None:
        self.pointer = _ffi.gc(pointer, _lib.SSL_SESSION_free)


class Conversation:
    """One connection's TLS, as bytes from and to the network."""

    __slots__ = ("_first", "_incoming", "_outgoing", "_ssl")

    def __init__(self, context: Any, host: str, session: Session | None, *, verify: bool) -> None:
        self._ssl = tls = _lib.SSL_new(context)
        self._incoming, self._outgoing = _lib.BIO_new(_lib.BIO_s_mem()), _lib.BIO_new(_lib.BIO_s_mem())
        self._first: Session | None = None
        _lib.SSL_set_bio(tls, self._incoming, self._outgoing)
        _lib.SSL_set_connect_state(tls)
        name, address = _identity(host)
        if address:
            if not _lib.X509_VERIFY_PARAM_set1_ip(_lib.SSL_get0_param(tls), address, len(address)):
                raise _failure(tls, _lib.SSL_ERROR_SSL)
        else:
            _lib.SSL_set_tlsext_host_name(tls, name)
            if not _lib.X509_VERIFY_PARAM_set1_host(_lib.SSL_get0_param(tls), name, len(name)):
                raise _failure(tls, _lib.SSL_ERROR_SSL)
        if not verify:
            _lib.SSL_set_verify(tls, _lib.SSL_VERIFY_NONE, _ffi.NULL)
        if session is not None:
            _lib.SSL_set_session(tls, session.pointer)

    def __del__(self) -> None:
        # Freed in the middle, a connection would spoil its session for the others that have it.
        _lib.SSL_set_shutdown(self._ssl, _lib.SSL_SENT_SHUTDOWN | _lib.SSL_RECEIVED_SHUTDOWN)
        _lib.SSL_free(self._ssl)

    def take(self, encrypted: bytes) -> None:
        """What came from the network; nothing at its end."""
        if encrypted:
            _lib.BIO_write(self._incoming, encrypted, len(encrypted))
        else:
            _lib.BIO_set_mem_eof_return(self._incoming, 0)

    def give(self) -> bytes:
        """What has to go to the network."""
        given = b""
        while (size := _lib.BIO_read(self._outgoing, _buffer, READ_BYTES)) > 0:
            given += _ffi.buffer(_buffer, size)[:]
            if size < READ_BYTES:
                break
        return given

    def shake_hands(self) -> bool:
        """True at the end of the handshake, False when more has to come. ssl.SSLError when it fails."""
        answer = _lib.SSL_do_handshake(self._ssl)
        if answer == 1:
            _lib.ERR_clear_error()  # what was overcome on the way; nobody else leaves anything
            if not _lib.SSL_session_reused(self._ssl):
                self._first = Session(_lib.SSL_get1_session(self._ssl))
            return True
        problem = _lib.SSL_get_error(self._ssl, answer)
        if problem == _lib.SSL_ERROR_WANT_READ:
            return False
        raise _failure(self._ssl, problem)

    def write(self, data: bytes) -> None:
        """Encrypt. ssl.SSLError."""
        answer = _lib.SSL_write(self._ssl, data, len(data)) if data else 1
        if answer <= 0:
            raise _failure(self._ssl, _lib.SSL_get_error(self._ssl, answer))

    def read(self) -> bytes | None:
        """What came, decrypted; empty at the end, with or without a farewell; None when more has to come. ssl.SSLError."""
        size = _lib.SSL_read(self._ssl, _buffer, READ_BYTES)
        if size > 0:
            return bytes(_ffi.buffer(_buffer, size))
        problem = _lib.SSL_get_error(self._ssl, size)
        if problem == _lib.SSL_ERROR_WANT_READ:
            return None
        if problem in (_lib.SSL_ERROR_ZERO_RETURN, _lib.SSL_ERROR_SYSCALL):
            _lib.ERR_clear_error()
            return b""
        raise _failure(self._ssl, problem)

    @property
    def is_resumed(self) -> bool:
        return bool(_lib.SSL_session_reused(self._ssl))

    @property
    def version(self) -> str:
        """TLSv1.3"""
        return str(_ffi.string(_lib.SSL_get_version(self._ssl)).decode())

    @property
    def cipher(self) -> str:
        cipher = _lib.SSL_get_current_cipher(self._ssl)
        return "" if cipher == _ffi.NULL else str(_ffi.string(_lib.SSL_CIPHER_get_name(cipher)).decode())

    def chain(self) -> list[bytes]:
        """The certificates that the server sent, its own first."""
        sent = _lib.SSL_get_peer_cert_chain(self._ssl)
        count = 0 if sent == _ffi.NULL else _lib.sk_X509_num(sent)
        return [_encoded(_lib.sk_X509_value(sent, index)) for index in range(count)]

    def certificate(self) -> bytes | None:
        """The server's own."""
        certificate = _lib.SSL_get_peer_certificate(self._ssl)
        if certificate == _ffi.NULL:
            return None
        try:
            return _encoded(certificate)
        finally:
            _lib.X509_free(certificate)

    def session(self) -> Session | None:
        """To be resumed, once the first bytes are there; None where the server gave none, or one was resumed here already."""
        if self._first is None:
            return None
        if self.version != "TLSv1.3":
            return self._first
        # From 1.3 on, sessions come after the handshake, and each takes the place of the one before.
        latest = Session(_lib.SSL_get1_session(self._ssl))
        return None if latest.pointer == self._first.pointer else latest


class Client:
    """What all connections share: versions, ciphers and authorities as in `like`, and the authorities in `anchors`.

    Everything is read at the first connection, or before by `load`, since it takes some time.
    """

    def __init__(self, like: ssl.SSLContext, anchors: Sequence[Path] = ()) -> None:
        self._like = like
        self._anchors = anchors
        self._context: Any = None

    def load(self) -> None:
        """ValueError for anchors that cannot be read."""
        if self._context is None:
            self._context = _context(self._like, self._anchors)

    def begin(self, host: str, session: Session | None = None, *, verify: bool = True) -> Conversation:
        """A connection to `host`, whose certificate has to be for it. Without `verify`, for evidence alone."""
        self.load()
        return Conversation(self._context, host, session, verify=verify)


def _context(like: ssl.SSLContext, anchors: Sequence[Path]) -> Any:
    context = _ffi.gc(_lib.SSL_CTX_new(_lib.TLS_client_method()), _lib.SSL_CTX_free)
    _lib.SSL_CTX_set_options(context, int(like.options))
    _lib.SSL_CTX_set_mode(context, _lib.SSL_MODE_RELEASE_BUFFERS)  # thousands may wait for slow sites
    _lib.SSL_CTX_set_min_proto_version(context, max(int(like.minimum_version), 0))
    _lib.SSL_CTX_set_max_proto_version(context, max(int(like.maximum_version), 0))
    _lib.SSL_CTX_set_verify(context, _lib.SSL_VERIFY_PEER, _ffi.NULL)
    _lib.X509_VERIFY_PARAM_set_hostflags(_lib.SSL_CTX_get0_param(context), _lib.X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS)
    names = [cipher["name"] for cipher in like.get_ciphers() if cipher["protocol"] != "TLSv1.3"]
    ciphers = ":".join((f"@SECLEVEL={like.security_level}", *names)).encode()
    if not (_lib.SSL_CTX_set_cipher_list(context, ciphers) and _lib.SSL_CTX_set1_curves_list(context, GROUPS)):
        raise ValueError("this OpenSSL has none of the ciphers")
    _lib.SSL_CTX_set_alpn_protos(context, PROTOCOLS, len(PROTOCOLS))
    store = _lib.SSL_CTX_get_cert_store(context)
    for encoded in like.get_ca_certs(binary_form=True):
        data = _ffi.from_buffer(encoded)
        memory = _lib.BIO_new_mem_buf(data, len(encoded))
        certificate = _lib.d2i_X509_bio(memory, _ffi.NULL)
        if certificate != _ffi.NULL:
            _lib.X509_STORE_add_cert(store, certificate)
            _lib.X509_free(certificate)
        _lib.BIO_free(memory)
    for path in anchors:
        name = str(path).encode()
        places = (_ffi.NULL, name) if path.is_dir() else (name, _ffi.NULL)
        if not _lib.SSL_CTX_load_verify_locations(context, *places):
            raise ValueError(f"{path}: {_last_reason() or 'no certificates'}")
    _lib.ERR_clear_error()
    return context


@lru_cache(maxsize=32_768)
def _identity(host: str) -> tuple[bytes, bytes]:
    """What a certificate has to be for: a name, or an address as its bytes. UnicodeError, a ValueError, for what is neither."""
    try:
        return b"", ip_address(host).packed
    except ValueError:
        return host.encode("ascii" if host.isascii() else "idna"), b""


def _encoded(certificate: Any) -> bytes:
    memory = _lib.BIO_new(_lib.BIO_s_mem())
    try:
        _lib.i2d_X509_bio(memory, certificate)
        data = _ffi.new("char **")
        size = _lib.BIO_get_mem_data(memory, data)
        return bytes(_ffi.buffer(data[0], size))
    finally:
        _lib.BIO_free(memory)


def _failure(tls: Any, problem: int) -> ssl.SSLError:
    """What `ssl` would raise."""
    reason = _last_reason()
    if not reason:
        return ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "the server hung up")
    if reason == "CERTIFICATE_VERIFY_FAILED":
        refused = ssl.SSLCertVerificationError(problem, reason)
        refused.verify_code = _lib.SSL_get_verify_result(tls)
        refused.verify_message = _ffi.string(_lib.X509_verify_cert_error_string(refused.verify_code)).decode()
        refused.reason = reason
        return refused
    error = ssl.SSLError(problem, reason)
    error.reason = reason
    return error


def _last_reason() -> str:
    """The last error that OpenSSL has noted, empty without one; there is none afterwards."""
    last = 0
    while code := _lib.ERR_get_error():
        last = code
    if not last:
        return ""
    words = _lib.ERR_reason_error_string(last)
    if words == _ffi.NULL:
        return f"ERROR_{last:X}"
    name: str = _ffi.string(words).decode().upper().replace(" ", "_")
    # Until 3.2, and to `ssl` still, they were those of SSL 3.
    return name.replace("SSL/TLS_ALERT", "TLS_ALERT").replace("TLS_ALERT", "SSLV3_ALERT")
