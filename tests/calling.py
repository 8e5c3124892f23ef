"""Every method of the contract by its name, tokens to call them with, and two customers who must not learn of each other."""

from importlib import import_module
from pathlib import Path
from typing import Any

from api_server import CONFIGURATION, Api

import quivive.v1
from quivive.v1 import token_pb2

TWO: dict[str, Any] = {
    **CONFIGURATION,
    "customers": [*CONFIGURATION["customers"], {"id": "dupont", "name": "Dupont", "plan": "basic"}],
    "sites": [
        *CONFIGURATION["sites"],
        {
            "id": "dupont-www",
            "customer": "dupont",
            "url": "https://www.dupont.example/?key=hush",
            "headers": {"X-Key": "hush"},
        },
    ],
}


def methods() -> dict[str, Any]:
    """Every method of our services, by full name."""
    found = {}
    for file in sorted(Path(quivive.v1.__path__[0]).glob("*_pb2.py")):
        descriptor = import_module(f"quivive.v1.{file.stem}").DESCRIPTOR
        for service in descriptor.services_by_name.values():
            for method in service.methods:
                found[f"/{service.full_name}/{method.name}"] = method
    return found


async def make_token(api: Api, role: str, customer: str = "", **more: Any) -> token_pb2.CreateTokenResponse:
    token = token_pb2.Token(
        role=token_pb2.Role.Value(f"ROLE_{role}"), person=f"the {role.lower()}", customer=customer, **more
    )
    return await api.tokens.CreateToken(token_pb2.CreateTokenRequest(token=token))
