"""The files of the sample, as a real installation has them."""

from pathlib import Path

from teleclaude.config.parse import parse_env, parse_yaml
from teleclaude.demo.installation import make_installation


def test_snippets_are_links_into_the_checkout_as_in_real_installations(tmp_path: Path) -> None:
    sample = make_installation(tmp_path, sessions=3)
    entries = list((sample.home / ".teleclaude/docs").iterdir())
    assert {entry.name for entry in entries} == {"general", "baseline.md", "index.yaml"}
    assert all(entry.is_symlink() and entry.resolve().is_relative_to(sample.checkout) for entry in entries)


def test_its_configuration_is_read_as_that_of_a_real_one(tmp_path: Path) -> None:
    sample = make_installation(tmp_path, sessions=3)
    config, env = sample.checkout / "config.yml", sample.home / ".teleclaude/.env"
    assert parse_yaml(config.read_bytes(), config)["discord"]["token"] == "${DISCORD_BOT_TOKEN}"
    assert parse_env(env.read_bytes(), env, {})["DISCORD_BOT_TOKEN"] == "sample-discord-token"
    assert sorted(path.name for path in (sample.home / ".teleclaude/people").iterdir()) == ["Ada", "Bob"]
