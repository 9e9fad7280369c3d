from hypothesis import given
from hypothesis import strategies as st

from teleclaude.config.layers import expand, find_doubles, merge, resolve

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text().filter(lambda text: "$" not in text),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def test_later_layers_win_key_by_key() -> None:
    assert merge({"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"y": 3}}, {"b": 2}) == {"a": {"x": 1, "y": 3}, "b": 2}


def test_a_list_is_replaced_whole() -> None:
    assert merge({"a": [1, 2]}, {"a": [3]}) == {"a": [3]}


def test_a_reference_inside_a_text_is_expanded_once() -> None:
    assert expand({"k": ["a ${X} b"]}, {"X": "${Y}", "Y": "no"}) == {"k": ["a ${Y} b"]}


def test_an_unknown_reference_stays_as_it_is_written() -> None:
    assert expand("${NOWHERE} and ${NOWHERE}", {}) == "${NOWHERE} and ${NOWHERE}"


def test_keys_are_not_expanded() -> None:
    assert expand({"${X}": "${X}"}, {"X": "1"}) == {"${X}": "1"}


def test_a_lone_reference_keeps_the_type_of_its_variable() -> None:
    assert expand("${N}", {"N": 5}) == 5
    assert expand("a${N}", {"N": 5}) == "a5"


@given(PLAIN)
def test_values_without_references_are_never_changed(value: object) -> None:
    assert expand(value, {"X": "1"}) == value


def test_the_process_environment_wins_over_the_files() -> None:
    resolved = resolve({"k": "${X}"}, {"environment": {"X": "file"}}, {}, {"X": "process"})
    assert resolved["k"] == "process"


def test_whatsapp_variables_win_without_a_reference() -> None:
    resolved = resolve({"whatsapp": {"access_token": "file"}}, {}, {}, {"WHATSAPP_ACCESS_TOKEN": "process"})
    assert resolved["whatsapp"]["access_token"] == "process"


def test_nothing_but_the_url_of_the_database_can_name_its_password() -> None:
    system = {"database": {"url": "x:${TELECLAUDE_SECRET_D}@y"}, "computer": {"name": "${TELECLAUDE_SECRET_D}"}}
    resolved = resolve(system, {"environment": {"TELECLAUDE_SECRET_D": "planted"}}, {}, {})
    assert resolved["database"] == {"url": "x:planted@y"}
    assert resolved["computer"] == {"name": "${TELECLAUDE_SECRET_D}"}


def test_a_key_in_both_files_is_found_unless_both_have_a_mapping_there() -> None:
    assert list(find_doubles({"a": {"b": 1, "c": 2}}, {"a": {"b": 3, "d": 4}, "e": 5})) == [("a", "b")]
