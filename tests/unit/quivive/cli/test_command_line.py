"""What stands on the command line, before any command sees it."""

import pytest

from quivive.cli import with_profile_first
from quivive.cli.failures import EXIT_CODES, Failure
from quivive.cli.kinds import parse_kind, singular
from quivive.cli.options import check_name, resource_name
from quivive.configuration.validate import KINDS


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("site list --profile prod -o json", "--profile prod site list -o json"),
        ("site list --profile=prod", "--profile=prod site list"),
        ("--profile prod site list", "--profile prod site list"),
        ("incident comment i -- --profile x", "incident comment i -- --profile x"),
        ("site list --profile", "site list --profile"),
        ("", ""),
    ],
)
def test_a_profile_may_be_named_anywhere(typed: str, read: str) -> None:
    assert with_profile_first(typed.split()) == read.split()


@pytest.mark.parametrize(
    ("typed", "name"),
    [("x", "sites/x"), ("sites/x", "sites/x"), ("x/y", "sites/x/checks/y"), ("sites/x/checks/y", "sites/x/checks/y")],
)
def test_a_check_is_named_as_shortly_as_one_likes(typed: str, name: str) -> None:
    assert check_name(typed) == name


@pytest.mark.parametrize("typed", ["", "/", "a/b/c/d", "sites/"])
def test_what_names_no_check_is_refused(typed: str) -> None:
    with pytest.raises(Failure, match="names no check"):
        check_name(typed)


def test_a_name_of_another_collection_is_refused() -> None:
    assert resource_name("sites", "x") == "sites/x"
    with pytest.raises(Failure, match="is not the name of one of the sites"):
        resource_name("sites", "customers/x")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_named_in_singular_or_plural(kind: str) -> None:
    assert parse_kind(kind) == parse_kind(singular(kind)) == parse_kind(kind.replace("_", "-")) == kind


def test_exit_codes_are_a_promise() -> None:
    assert list(EXIT_CODES) == [0, 1, 2, 3, 4, 5, 6]
