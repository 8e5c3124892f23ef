"""The chain of hashes: a vector for whoever verifies with a program of his own, and every kind of tampering."""

import io
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quivive.evidence.chain import EMPTY, NOTHING, Broken, Content, Entry, Head, canonical, seal, verify
from quivive.evidence.exported import Unreadable, read_lines, write_csv, write_lines

CHAIN = UUID("0d3ad7c2-62a9-4d0e-8a0f-3f3c2e6a9c11")
SALT = bytes(range(16))


def chain_of(*contents: Content, chain: UUID = CHAIN) -> list[Entry]:
    entries: list[Entry] = []
    head = EMPTY
    for number, content in enumerate(contents, 1):
        entry = seal(chain, head, content, SALT, 1_772_355_600_000_000 + number)
        head = Head(entry.sequence, entry.hash)
        entries.append(entry)
    return entries


THREE = chain_of({"kind": "interval", "state": "UP"}, {"kind": "interval", "state": "DOWN"}, {"kind": "é"})


def test_the_hash_is_the_documented_one() -> None:
    """The example of docs/evidence.md."""
    (entry,) = chain_of({"state": "UP", "kind": "interval"})
    assert canonical(entry.content or {}) == '{"kind":"interval","state":"UP"}'
    assert entry.content_hash.hex() == "8292cf42cda3b4f143723dc610ad862b806deafe6337f33f44ada9e168ec19ac"
    assert entry.hash.hex() == "95c9e465ec497d3f112f01804d226bc71d6aa08925b0874f76ab05edf5045cfa"


def test_a_chain_verifies_with_and_without_its_contents() -> None:
    (verified,) = verify(THREE)
    assert (verified.head, verified.erased) == (Head(3, THREE[2].hash), 0)
    erased = [replace(entry, content=None, salt=None) for entry in THREE]
    (verified,) = verify(erased)
    assert (verified.head, verified.erased) == (Head(3, THREE[2].hash), 3)


@pytest.mark.parametrize(
    ("entries", "complaint"),
    [
        ([THREE[0], THREE[2]], "entry 2 is missing"),
        (THREE[1:], "entry 1 is missing"),
        ([THREE[1], THREE[0]], "entry 1 is missing"),
        ([replace(THREE[0], content={"kind": "interval", "state": "DOWN"})], "its content was changed"),
        ([replace(THREE[0], salt=bytes(16))], "its content was changed"),
        ([replace(THREE[0], salt=None)], "salt and content belong together"),
        ([replace(THREE[0], content=None, salt=None, content_hash=NOTHING)], "does not continue"),
        ([replace(THREE[0], seal_us=1)], "does not continue"),
        ([replace(THREE[0], chain=UUID(int=1))], "does not continue"),
        ([THREE[0], *chain_of({}, {"kind": "other"})[1:]], "does not continue"),
    ],
)
def test_whatever_is_changed_removed_or_moved_is_found(entries: list[Entry], complaint: str) -> None:
    with pytest.raises(Broken, match=complaint):
        verify(entries)


def test_only_a_head_kept_from_earlier_shows_that_the_end_was_cut_off() -> None:
    verify(THREE[:2])
    verify(THREE, [Head(2, THREE[1].hash)])
    with pytest.raises(Broken, match="the head 3:"):
        verify(THREE[:2], [Head(3, THREE[2].hash)])


def test_several_chains_may_be_in_one_export() -> None:
    other = chain_of({"kind": "a"}, chain=UUID(int=2))
    assert [item.head.sequence for item in verify([*THREE, *other])] == [3, 1]


texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
contents = st.dictionaries(
    texts,
    st.recursive(
        st.none() | st.booleans() | st.integers() | texts,
        lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
        max_leaves=8,
    ),
)


@given(st.lists(contents, max_size=5))
def test_an_export_that_is_read_again_is_the_same_chain(said: list[Content]) -> None:
    entries = chain_of(*said)
    file = io.StringIO()
    write_lines(entries, file)
    # Not splitlines: a content may hold any character that Unicode takes for the end of a line.
    assert list(read_lines(io.StringIO(file.getvalue(), newline="\n"))) == entries
    verify(entries)


@pytest.mark.parametrize("line", ["no json", "{}", "[]", '{"content": 1}', "7"])
def test_a_line_that_is_no_entry_is_named(line: str) -> None:
    with pytest.raises(Unreadable, match="line 2"):
        list(read_lines(["\n", line]))


def test_csv_has_a_row_an_entry_and_no_formulas() -> None:
    correction = {"author": "Zoé", "reason": '=HYPERLINK("x")', "counted": False, "responsibility": "CUSTOMER"}
    incident = {"name": "incidents/1", "site": "sites/a", "responsibility": "HOST", "detail": "HTTP 503"}
    entries = chain_of(
        {"kind": "incident.corrected", "detail": "", "incident": incident, "correction": correction},
        {"kind": "interval", "incident": "incidents/1", "state": "DOWN"},
    )
    file = io.StringIO()
    write_csv([*entries, replace(entries[1], content=None, salt=None)], file)
    header, first, second, erased = file.getvalue().splitlines()
    assert header.startswith("chain,sequence,seal_time,kind,")
    assert 'sites/a,,incidents/1,,,,,,CUSTOMER,,Zoé,"\'=HYPERLINK(""x"")",False,' in first
    assert "interval,,,incidents/1,,,,DOWN," in second
    assert erased == f"{CHAIN},2,2026-03-01T09:00:00.000002Z{',' * 15}{entries[1].hash.hex()}"
