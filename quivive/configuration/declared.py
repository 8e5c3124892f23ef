"""What every kind of declaration is: a mapping in which every key is known."""

from pydantic import BaseModel, ConfigDict


class Declared(BaseModel):
    """A mapping in which every key is known; never changed once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=False)


def without_repetition(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values as they are. ValueError when one comes twice."""
    if len(set(values)) != len(values):
        raise ValueError("names something twice")
    return values
