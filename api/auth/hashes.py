"""What is kept of a token: an argon2 hash of its secret.

A secret has 240 random bits, so that guessing is hopeless whatever the hash costs: argon2 runs with small parameters.
"""

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from quivive.tokens import Token

_HASHER = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1)


def hash_of(token: Token) -> str:
    """What is kept of a token. Takes milliseconds."""
    return _HASHER.hash(token.secret)


def verifies(token: Token, hashed: str) -> bool:
    """Whether the token is the one that the hash was made of. Takes milliseconds."""
    try:
        return _HASHER.verify(hashed, token.secret)
    except (Argon2Error, InvalidHashError):
        return False
