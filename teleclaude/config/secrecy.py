"""What is a secret: by its name, by its place in a URL, by its look. Pure.

A doubtful value counts as a secret. It is then read from the secrets, so no harm is done.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import date, time
from typing import Any

_SECRET_WORDS = re.compile(
    r"(?:^|_)(?:[a-z0-9]*(?:tokens?|secrets?|passwords?|passwd|passphrases?|passcodes?|credentials?)"
    r"|(?:user|db|smtp|ssh|ftp|mail|root)?pass|pwd?|pin|(?:api|access|secret|private|auth|pass|ssh)?keys?|auth|authorization|bearer|cookies?"
    r"|jwt|t?otp|hmac|psk|salts?|seeds?|signing|webhook_urls?)(?:_|$)"
)
"""Words anywhere in a name that make it the name of a secret."""

_NO_SECRET = frozenset({"identity_key", "idempotency_key", "public_key"})

_MAPS_OF_SECRETS = frozenset({"env", "envs", "environment", "header", "headers", "vars", "variables"})
"""Names of mappings whose values go to a program or a server; any of them may be a secret."""

URL_SECRET = re.compile(
    r"(?P<before>(?<![a-z0-9+.-])[0-9+.-]*+[a-z][a-z0-9+.-]*+://[^/?#\s@:]*+:)(?P<user_secret>\S{1,4000})(?=@)"
    r"|(?P<scheme>(?:(?<![a-z])[a-z]++\+)?(?:http|redi)ss?://)(?P<name_secret>[^/?#\s@:]++)(?=@)"
    r"|(?P<place>https?://[^\s?#]{0,500}/(?:(?:web)?hooks?/|bot)|https?://hooks?\.[^/\s?#]+/(?:[a-z]+/)?)(?P<path_secret>[^\s?#]+)"
    r"|(?P<name>[?&#](?=[^=&#\s]{0,200}+=)[^=&#\s]*?"
    r"(?:token|secret|pass|pwd|key|sig|auth|jwt|code|credential|otp|hmac|salt|seed)[^=&#\s]*+=)(?P<query_secret>[^&#\s]+)",
    re.IGNORECASE,
)
"""Secrets in a URL: a password, a name alone (in practice a token), a parameter, the path of a webhook (Discord,
Slack) or of a bot (Telegram).

Here as in _LOOKS a pattern begins at the beginning of a word, or has a largest length where it may begin anywhere. So
the time grows with the length of the text, and not with its square.
"""

_LOOKS = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|\b(?:sk|pk|rk)[-_][\w-]{8,}|\bgh[opsur]_\w{8,}|\bgithub_pat_\w+|\bglpat-\w+"
    r"|\bxox[a-z]-[\w-]+|\bAKIA[A-Z0-9]{12,}|\beyJ[\w-]{8,}|\b\d{6,}+:[\w-]{10,}"
    r"|(?<![\w-])[\w-]{20,}+\.[\w-]{6,}+\.[\w-]{20,}|\b[0-9a-f]{32,}+\b"
    r"|(?<![\w+/=.-])(?=[\w+/=-]*\d)(?=[\w+/=-]*[a-z])(?=[\w+/=-]*[A-Z])[A-Za-z0-9_+=-]{20,}"
    r"|(?<![\w+/=.-])(?=[a-zA-Z0-9+/]*\d)(?=[A-Z0-9+/]*[a-z])(?=[a-z0-9+/]*[A-Z])[A-Za-z0-9+/]{40}(?![\w+/=-])"
    r"|\bAGE-SECRET-KEY-1\w+|\bA[SG]IA[A-Z0-9]{12,}|\bAIza[\w-]{20,}|\bPMAK-\w{8,}|\bnpm_\w{8,}|\bhf_\w{8,}"
    r"|https?://[^\s?#]{0,500}?/(?:private-\w{6,}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|with/key/\w)"
    r"|https?://(?:hc-ping\.com|cronitor\.link|[\w.-]{0,100}(?:webhook\.(?:site|office\.com)|ntfy\.sh)|nosnch\.in)/[\w-]{4,}"
    r"|https?://[^\s?#]{0,500}?/(?:api/push/\w|(?:ping|heartbeat)/(?=[\w-]{0,40}\d)[\w-]{8,})|webcal://[^\s?#]{0,500}?/[\w-]{16,}"
    r"|https?://[^\s?#]{0,500}?/(?=[\w-]{0,80}\d)[\w-]{16,}[^\s?#]{0,200}\.ics\b"
    r"|(?<![\w-])--pat[ =](?!\$\{|-)\S|(?<![\w-])-k\s+(?![-/~.$]|https?:)\S{4,}|(?<![\w-])(?i:\w{0,40}PW)=(?!\$\{)\S"
    r"|(?<![\w+/=-])[A-Za-z0-9+/]{60,}+={0,2}+(?![\w+/=-])"
    r"|(?<=[\s=:'\"])[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
    r"|(?i:\b(?:bearer|basic)\s+(?!\$\{)\S{6,})"
    r"|(?i:(?<![\w-])(?>[\w-]*?(?:token|secret|passw|passphrase|\bpwd|api[_-]?key|private[_-]?key|authorization"
    r"|mot de passe|contrase[nñ]a|wachtwoord|kennwort|senha|parola|пароль|(?:seed|recovery) (?:phrase|words|code)))"
    r"[\w-]*+['\"]?(?:\s*[:=]\s*|\s+is\s+|\s+was\s+)['\"]?(?!\$\{|[\s'\"]|$)\S)"
    r"|(?i:(?<![\w-])\w*+-(?>[\w-]*?(?:token|secret|password|key))[\w-]*+[ =](?!\$\{|-)\S)"
)
"""Secrets anywhere in a text: forms of well-known issuers, long random words, a name with its value."""

_ISSUED = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY|---- BEGIN SSH2 ENCRYPTED PRIVATE KEY|^PuTTY-User-Key-File-\d"
    r"|\bAGE-SECRET-KEY-1\w{20,}|\bAGE-PLUGIN-\w+-1\w{10,}|\b(?:sk|pk|rk)[-_](?=[\w-]{0,200}\d)[\w-]{20,}"
    r"|\bgh[opsur]_\w{20,}|\bgithub_pat_\w{20,}|\bgl(?:pat|dt|rt|cbt|ptt|ft|soat|agent|imt)-[\w-]{16,}|\bxox[a-z]-\d[\w-]{10,}|\bxapp-\d-[\w-]{20,}"
    r"|\bA[KS]IA[A-Z0-9]{16}\b|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}|\b\d{8,12}:[\w-]{35}\b|\bAIza[\w-]{35}"
    r"|(?<![\w.-])[MNO][\w-]{23,25}\.[\w-]{6}\.[\w-]{27,40}(?![\w.-])|\bSG\.[\w-]{20,24}\.[\w-]{39,50}"
    r"|\b(?:npm|hf|dckr_pat|dop_v1|shp(?:at|ca|pa|ss)|glsa|lin_api|ntn|figd|gsk|whsec)[-_](?=\w{0,80}\d)[\w-]{20,}"
    r"|\b(?:pypi-AgE|GOCSPX-|PMAK-|tskey-(?:auth|api)-|ya29\.|ATATT3)[\w-]{20,}"
    r"|(?i:aws_secret_access_key)['\"]?\s{0,9}[:=]\s{0,9}['\"]?(?![\w/+]*EXAMPLE)[\w/+]{40}(?![\w/+])"
    r"|https://hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{16,}|/api/webhooks/\d{15,20}/[\w-]{40,}",
    re.MULTILINE,
)
"""Private keys and tokens of known issuers; prose about secrets, and examples, do not look like them."""

_NAMED = re.compile(
    r"(?<![\w-])(?:(?P<option>-[\w-]++)\s+(?!-)|(?P<name>[\w-]++)['\"]?(?:\s*[:=]\s*|\s+(?:is|was)\s+))['\"]?"
    r"(?=[^\s'\"])(?!\$\{)"
)
"""An option or a name in a text, with a value after it; `is_secret` judges the name."""

_LOGIN = re.compile(
    r"(?<![a-z])(?:login|user(?:_?name)?|(?<![\w-])-u)['\"]?[\s:=]\s*['\"]?(?!\$\{|\d+:\d+(?!\S))[^\s:/'\"]{1,100}:"
    r"(?!\$\{)[^\s:/'\"]"
    r"|(?<![\w/.%+-])[\w.%+-]{1,100}:(?!\$\{)[^\s:/@]{1,200}@\w",
    re.IGNORECASE,
)
"""A user and a password, `ada:…`, after the name of a login or before a host. Two numbers are ids."""

_COMMAND = re.compile(
    r"\b(?:mysql|mariadb|sshpass)\w*+[^\n]{0,300}?\s-p\s*+(?!\$\{)\S|\bredis-cli\b[^\n]{0,300}?\s-a\s*+(?!\$\{)\S"
    r"|\b(?:(?:un)?zip|ipmitool|mosquitto_\w{3})\b[^\n]{0,300}?\s-P\s*+(?!\$\{)\S|\bldap\w{3,12}\b[^\n]{0,300}?\s-w\s*+(?!\$\{)\S"
    r"|\bsnmp\w{3,12}\b[^\n]{0,300}?\s-c\s*+(?!\$\{)\S"
    r"|\b(?:smb\w+|rpcclient|lftp)\b[^\n]{0,300}?\s-[uU]\s*+[^\s,%]{1,100}[,%](?!\$\{)\S"
    r"|\bcurl\b[^\n]{0,300}?\s(?:-b|--cookie)\s*+['\"]?[\w-]{1,100}=(?!\$\{)\S"
    r"|--from-literal[= ][^\s=]{1,100}=(?!\$\{)\S"
    r"|\b(?:echo|printf)\s(?![^\n|]{0,300}\$)[^\n|]{1,300}\|[^\n]{0,300}?(?:sudo\s+-S|-stdin\b|--with-token|passwd\b)"
    r"|\bexpect\s+-c\b[^\n]{0,300}?\bsend\b|\blogin\s+\S{1,100}\s+password\s+(?!\$\{)\S"
    r"|(?<![\w-])(?<!mkdir )(?<!claude )(?<!gemini )(?<!codex )-p(?!ath|erm|rint|rune)"
    r"(?!\s*+['\"]?(?:[-/~.$]|\d{1,5}(?:[.:-]\d{1,5})*(?:/\w+)?(?![^\s'\"])))\s*+\S"
)
"""A password in a command, mostly after a short option. Of other programs than the named ones `-p` also takes a port or
a folder, of the agents a prompt or a profile, and find has words that begin with it."""

ONLY_REFERENCES = re.compile(r"(?:\$\{[^}]+\})+")

_SHORTEST_KNOWN = 8
"""Characters; a shorter value is too likely part of something else."""

_LONGEST_SHOWN = 80
"""Characters; a longer text is not shown."""

_TELLS_NOTHING = re.compile(
    r"\d{4}-\d\d-\d\d([T ][\d:.]{4,16}(Z|[+-]\d\d:?\d\d)?)?|a row|one|none|((no|one|two) such|\d+ rejected) rows?"
)
"""Texts that can hold no secret: a time, and our own words for what stands in place of a row."""

_OPAQUE = re.compile(r"\s*[\[{]|.*://", re.DOTALL)
"""Texts for programs: JSON, and a text with a URL."""


def is_secret(name: str) -> bool:
    """Whether a name says that its value is a secret, however its words are joined."""
    words = _words(name)
    return words not in _NO_SECRET and _SECRET_WORDS.search(words) is not None


def is_login(name: str, value: Any) -> bool:
    """Whether a value is a user with a password; `name` may say that it is a user's."""
    return isinstance(value, str) and _LOGIN.search(f"{_words(name)}={value}") is not None


def is_map_of_secrets(name: str) -> bool:
    """Whether any value of a mapping with this name may be a secret."""
    return _words(name) in _MAPS_OF_SECRETS


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name).lower().strip("_")


def is_no_value(value: Any) -> bool:
    """Whether a value cannot be a secret: null, a switch, an empty text, or references alone."""
    return value is None or isinstance(value, bool) or value == "" or ONLY_REFERENCES.fullmatch(str(value)) is not None


def looks_secret(text: str, known: Collection[str]) -> bool:
    """Whether a text holds something that looks like a secret, or one of the `known` ones."""
    return (
        any(form.search(text) for form in (_LOOKS, _ISSUED, _LOGIN, _COMMAND))
        or any(is_secret(match["option"] or match["name"]) for match in _NAMED.finditer(text))
        or any(value in text for value in known)
    )


def find_issued(content: bytes) -> int | None:
    """Return the line, from 1, of the first private key or token of a known issuer, None where there is none.

    The text may be UTF-8 or UTF-16, and have bytes of another encoding that has the letters of ASCII.
    """
    for encoding in ("utf-8", "utf-16-le", "utf-16-be") if b"\0" in content else ("utf-8",):
        text = content.decode(encoding, "replace")
        if found := _ISSUED.search(text):
            return text.count("\n", 0, found.start()) + 1
    return None


def has_secret(text: str, known: Collection[str]) -> bool:
    """Whether a text holds a secret, in a URL or otherwise."""
    return looks_secret(text, known) or any(
        not ONLY_REFERENCES.fullmatch(url_secret(match)[1]) for match in URL_SECRET.finditer(text)
    )


def is_harmless(name: str, value: Any) -> bool:
    """Whether a value called `name` may be shown in a message: a short text, number or time without a secret."""
    if is_no_value(value):
        return True
    if is_secret(name) or is_map_of_secrets(name) or is_login(name, value):
        return False
    if isinstance(value, str):
        return len(value) <= _LONGEST_SHOWN and not _OPAQUE.match(value) and not has_secret(value, ())
    return isinstance(value, int | float | date | time)


def is_harmless_content(name: str, value: Any) -> bool:
    """Whether a value that anybody may have written may be shown; a text may be a secret that nothing tells."""
    is_free = isinstance(value, str) and not is_no_value(value) and _TELLS_NOTHING.fullmatch(value) is None
    return not is_free and is_harmless(name, value)


def url_secret(match: re.Match[str]) -> tuple[str, str]:
    """Return the text before the secret in a match of URL_SECRET, and the secret."""
    before = match["before"] or match["scheme"] or match["place"] or match["name"]
    return before, match["user_secret"] or match["name_secret"] or match["path_secret"] or match["query_secret"]


def named_secrets(value: Any, *, inside: bool = False) -> Iterator[str]:
    """Yield every text and number in `value` with the name of a secret, if `known_again` takes it."""
    if isinstance(value, dict):
        for key, item in value.items():
            # Below the name of a secret a key may be the secret itself.
            yield from known_again([str(key)] if inside else [])
            yield from named_secrets(item, inside=inside or is_secret(str(key)) or is_login(str(key), item))
    elif isinstance(value, list):
        for item in value:
            yield from named_secrets(item, inside=inside)
    elif inside and not is_no_value(value):
        yield from known_again([str(value)])
    elif isinstance(value, str):
        yield from known_again([url_secret(match)[1] for match in URL_SECRET.finditer(value)])


def known_again(values: list[str]) -> Iterator[str]:
    """Yield the lines of the values that are long enough to be found in other texts, and are not paths."""
    for value in values:
        for line in value.splitlines():
            if len(line.strip()) >= _SHORTEST_KNOWN and not line.startswith(("/", "~", "${")):
                yield line.strip()
