"""Why something of an installation could not be seen. Each fault of an installation is beside its judge."""

from __future__ import annotations

from teleclaude.errors import Problem

SAID = Problem("{message}", "{hint}")
"""For a sentence that was made elsewhere."""

UNREADABLE_LAYERS = Problem("the configuration cannot be read", "fix the configuration files first")
NOT_POSTGRESQL = Problem("database.url is not PostgreSQL", "set database.url to a PostgreSQL database")
NO_REPLY = Problem("{database} gave no answer in {seconds:.0f} seconds", "check that the database server runs")
NO_SERVICE = Problem("a trial below a root of its own has no service", "nothing needs to be done")
DATA_UNKNOWN = Problem("the data directory of the database is not known here", "on the database server, run: df -h")
NOT_MEASURED = Problem("the disk of {path} cannot be measured: {reason}", "as root, run: df -h {path}")
NOT_ASKED = Problem("the database cannot be asked", "fix the database and the schema first")
NOT_WANTED = Problem("the sessions were not to be listed", "run teleclaude self-check")
LISTS_SLOWLY = Problem("it did not list them in {seconds:.0f} seconds", "measure it: time teleclaude sessions --closed")

WRONG_PARTS = Problem("not as it should be: {names}")
UNCHECKED_PARTS = Problem("none of its parts could be checked")
WELL = Problem("as it should be")
