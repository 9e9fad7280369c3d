"""The new configuration is shown with its secrets masked."""

from pathlib import Path

from teleclaude.migration.publish.render import PreparedFile, preview

SECRETS = b"# Written by teleclaude migrate-to-system, run r1.\n# Secrets.\nenvironment:\n  API_KEY: planted\n"


def prepared(kind: str, content: bytes) -> PreparedFile:
    return PreparedFile(kind, Path(f"/etc/teleclaude/{kind}.yml"), content, 0o600, "root", None)


def test_of_secrets_the_names_alone_are_shown() -> None:
    shown = preview(prepared("secrets", SECRETS))
    assert "API_KEY" in shown.content
    assert "planted" not in shown.content
    assert shown.content.startswith("# Written by teleclaude migrate-to-system, run r1.\n# Secrets.\n")


def test_another_file_is_shown_as_it_would_be_written() -> None:
    assert preview(prepared("system", b"a: 1\n")).content == "a: 1\n"


def test_no_content_is_in_the_text_of_a_prepared_file() -> None:
    assert "planted" not in repr(prepared("secrets", SECRETS))
