"""report.html: the report of a run as one page for people, made of its JSON alone. Pure.

The page asks nothing of the network and runs nothing. It is built as a tree, so that no value can become markup.
"""

from teleclaude.migration.report_html.sheet import to_html

__all__ = ["to_html"]
