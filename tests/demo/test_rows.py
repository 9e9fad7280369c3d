"""The rows of the sample: repeatable, and in every table."""

from teleclaude.db.models import Model
from teleclaude.demo.rows import make_rows


def test_the_same_seed_makes_the_same_rows() -> None:
    assert make_rows(7, 12) == make_rows(7, 12)
    assert make_rows(7, 12) != make_rows(8, 12)


def test_every_table_of_the_old_program_has_rows() -> None:
    rows = make_rows(1, 20)
    assert set(Model.metadata.tables) - {"audit_log", "migration_runs"} == set(rows) - {"schema_migrations"}
    assert all(rows.values())


def test_rows_that_share_a_value_share_it() -> None:
    for session in make_rows(1, 50)["sessions"]:
        closed = session["lifecycle_status"] == "closed"
        assert (session["closed_at"] is not None) is closed
        headless = session["lifecycle_status"] == "headless"
        assert session["tmux_session_name"] == ("" if headless else f"tc_{session['session_id'][:8]}")


def test_members_of_a_conversation_are_two_sessions_of_the_sample() -> None:
    rows = make_rows(1, 50)
    sessions = {session["session_id"] for session in rows["sessions"]}
    members = [(row["link_id"], row["session_id"]) for row in rows["conversation_link_members"]]
    assert [link for link, _ in members] == [row["link_id"] for row in rows["conversation_links"] for _ in range(2)]
    assert len(set(members)) == len(members)
    assert {session for _, session in members} <= sessions
