"""What one configuration leaves open."""

from pathlib import Path

from quivive.configuration import load
from quivive.configuration.references import undeclared


def notes(folder: Path, text: str) -> list[str]:
    path = folder / "a.yaml"
    path.write_text(text)
    return [str(problem).removeprefix(f"{folder}/") for problem in undeclared(load(path))]


def test_a_reference_beside_others_of_its_kind_is_looked_up(tmp_path: Path) -> None:
    text = """
customers:
  - {id: martin, name: Martin, plan: premum}
sites:
  - {id: www, customer: martim, url: https://www.example.org/}
"""
    assert notes(tmp_path, text) == [
        "a.yaml:3: customers[0].plan: plan premum is not declared here (did you mean premium?); the server must know it",
        "a.yaml:5: sites[0].customer: customer martim is not declared here (did you mean martin?); "
        "the server must know it",
    ]


def test_regions_of_checks_are_looked_up_too(tmp_path: Path) -> None:
    text = """
regions: [{id: eu-west}]
sites:
  - id: www
    customer: martin
    url: https://www.example.org/
    checks:
      - {name: shop, url: https://www.example.org/shop, regions: [eu-west, mars]}
"""
    assert [note.partition(";")[0] for note in notes(tmp_path, text)] == [
        "a.yaml:8: sites[0].checks[0].regions[1]: region mars is not declared here"
    ]


def test_a_file_that_declares_none_of_a_kind_leaves_it_to_the_server(tmp_path: Path) -> None:
    assert notes(tmp_path, "sites: [{id: www, customer: martin, url: https://x.example/, regions: [eu-west]}]") == []
