"""What the self-check sees of the files of the configuration."""

from pathlib import Path

import pytest

from teleclaude.checks.look.files import find_doubled, look_at_layer


@pytest.mark.parametrize(
    ("system", "secrets", "keys"),
    [
        ("a: {b: 1, c: 2}\nd: 1", "a: {b: 1, e: 2}\nf: 1", ("a.b",)),
        ("a: {b: 1}\nz: 1", "z: 2\na: 3", ("a", "z")),
        ("a: [1]\nenvironment: {X: 1}", "a: [2]\nenvironment: {X: 2, Y: 3}", ("a", "environment.X")),
        ("a: 1", "b: 1", ()),
        ("a: 1", "", ()),
        ("a: [", "a: 1", ()),
        ("a: 1", None, ()),
    ],
)
def test_a_key_that_stands_in_both_files_is_named(
    tmp_path: Path, system: str, secrets: str | None, keys: tuple[str, ...]
) -> None:
    for name, text in (("config.yml", system), ("secrets.yml", secrets)):
        if text is not None:
            (tmp_path / name).write_text(text)
    layers = (look_at_layer(tmp_path / name, None) for name in ("config.yml", "secrets.yml"))
    assert find_doubled(*layers) == keys
