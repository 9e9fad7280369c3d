"""What can be wrong with a configuration file or a folder, and its remedy: the messages of this package."""

from __future__ import annotations

from teleclaude.errors import Problem

# Reading a file.
MISSING = Problem("{path} is missing", "create it, or name the right file")
CLOSED = Problem("{path} is closed to your account", "run the command with sudo")
UNREADABLE = Problem("{path} cannot be read: {reason}", "check its disk: ls -l {path}")
TOO_LARGE = Problem("{path} is larger than {megabytes} MB", "remove what nobody needs from {path}")

# A line of YAML or of `.env`.
OTHER_ENCODING = Problem("{path}, line {line}: this is not {encoding}", "save {path} as UTF-8")
NOT_ALLOWED = Problem("{path}, line {line}: this character is not allowed in YAML", "remove the character")
# No message quotes a line, because it may hold a secret.
NOT_YAML = Problem("{path}, line {line}: this is not YAML", "fix the line")
NOT_A_MAPPING = Problem("{path}, line {line}: the file does not hold keys and values", "write KEY: VALUE")
TOO_DEEP = Problem("{path}, line {line}: mappings and lists are nested deeper than {most} levels", "remove levels")
ENDLESS_ALIAS = Problem("{path}, line {line}: an alias refers to the value that contains it", "replace the alias")
TOO_MANY_VALUES = Problem("{path}, line {line}: more than {most} values, with those of aliases", "replace the aliases")
LONG_NUMBER = Problem("{path}, line {line}: a number has more than {most} digits", "put the number in quotes")
NOT_OF_TYPE = Problem("{path}, line {line}: a value does not fit its type", "write a plain value")
EXPANDS_TOO_FAR = Problem(
    "{path}, line {line}: this value expands to more than {megabytes} MB", "write the value without ${{NAME}}"
)

# The layers together.
NOT_VARIABLES = Problem(
    "environment in the configuration is not a mapping of names to values", "write NAME: VALUE below environment"
)
NOT_VALID = Problem("the configuration in {files} is not valid: {wrong}", "correct these keys there")

# Writing a file.
EXISTS = Problem("{path} exists and is not replaced", "move {path} away and run again")
UNWRITABLE = Problem("{path} cannot be written: {reason}", "check the permissions and the free space of {folder}")
FOREIGN_LINK = Problem("{path} is a symbolic link that uid {uid} made", "replace the link {path} by a real folder")

# Reading where others than root may change something.
LINK_OF_ANOTHER = Problem(
    "{path} is a link that uid {uid} made, and root does not follow it",
    "if it leads where it should, give it to root: chown -h root {path}",
)
FOREIGN_FOLDER = Problem(
    "{path} belongs to uid {uid}, who is neither root nor the owner of the installation",
    "give it to the owner of the installation with chown",
)
OPEN_PLACE = Problem("{who} can change {path}, so root does not read it", "run: chmod {mode} {path}")
STICKY_FOLDER = Problem(
    "{who} can put files into {path}, so root does not read it",
    "move the old installation to a folder that only its owner can write to",
)
