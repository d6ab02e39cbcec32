"""The site tells every path and every decision; `make docs` builds it and follows its links."""

from scripts.docs_site import DECISIONS, HTTP, RECORDS, document, on_page_markdown


def test_every_path_of_the_application_is_in_the_reference() -> None:
    page = on_page_markdown(f"# HTTP\n\n{HTTP}\n")
    for path, operations in document()["paths"].items():
        for method in operations:
            assert f"## {method.upper()} {path}" in page


def test_what_a_body_holds_is_told_field_by_field() -> None:
    page = on_page_markdown(HTTP)
    chat = page.partition("## POST /v1/chat/completions")[2].partition("\n## ")[0]
    assert "| `messages` (required) |" in chat
    assert "| 429 |" in chat


def test_every_decision_is_listed_by_its_title() -> None:
    page = on_page_markdown(DECISIONS)
    assert page.count("- [") == len(list(RECORDS.glob("[0-9]*.md")))
    assert "(001-asyncio-not-anyio.md)" in page


def test_a_page_without_places_stays_as_it_is() -> None:
    assert on_page_markdown("# Concepts\n") == "# Concepts\n"
