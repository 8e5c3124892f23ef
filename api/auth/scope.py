"""What a caller who is a customer can know of: whatever is not theirs does not exist, for any of their questions."""

from api.auth.callers import caller
from api.errors import NotFound


def owner() -> str | None:
    """The customer to whom everything that is shown must belong; None for the agency's own people."""
    return caller().customer


def whole() -> bool:
    """Whether the caller is shown resources with everything that is declared of them."""
    return caller().customer is None


def customer_asked_for(customer: str | None) -> str | None:
    """The customer to list, given the one that was asked for. NotFound for another than the caller's own."""
    own = owner()
    if own is None:
        return customer
    if customer is not None and customer != own:
        raise unknown_customer(customer)
    return own


def unknown_customer(customer: str) -> NotFound:
    return NotFound("CUSTOMER_NOT_FOUND", f"there is no customer {customer}", metadata={"customer": customer})
