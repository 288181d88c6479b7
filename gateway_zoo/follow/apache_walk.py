"""The way of one request through our Apache, phase by phase, as far as the lines of the configuration decide it.

Apache asks its modules in this order, and so does Walk:

    early headers    RequestHeader … early
    variables        SetEnvIf; in a <Location> only behind the next two phases
    rewriting        RewriteCond, RewriteRule
    path to handler  ProxyPass, or ScriptAlias, WSGIScriptAlias, Alias: the first that matches
    access           Require, AllowMethods
    fixups           SetEnv, PassEnv, SSLOptions, RequestHeader
    handler          the lines that tell the handler how (CONCERNS)
    answer           ErrorDocument, Header

What a gateway answers is not known here.
"""

import os
import re
from collections.abc import Iterable
from fnmatch import fnmatch
from urllib.parse import unquote

from gateway_zoo.follow import apache_conditions as conditions
from gateway_zoo.follow.apache_config import Directive
from gateway_zoo.follow.lines import Request

#: The modules that ask a program: by the alias, by SetHandler. ProxyPass names its own: fcgi:// is mod_proxy_fcgi.
ALIASES = {"scriptalias": "mod_cgid", "wsgiscriptalias": "mod_wsgi", "alias": ""}
HANDLERS = {"fcgid-script": "mod_fcgid", "application/x-httpd-php": "mod_php"}
#: Lines of the handler's phase: the fact for which they matter -> the directives. Walk._facts has the facts.
CONCERNS = {
    "body": ("setinputfilter", "buffersize"),
    "expect": ("proxy100continue",),
    "range": ("maxranges",),
    "mod_proxy_http": ("proxypreservehost", "proxyaddheaders"),
    "mod_proxy_fcgi": ("proxyfcgisetenvif",),
    "mod_fcgid": ("fcgidwrapper", "fcgidinitialenv", "fcgidcmdoptions"),
    "mod_wsgi": ("wsgidaemonprocess",),
    "mod_php": ("phpinidir",),
    "file": ("sethandler", "options", "forcetype", "directoryindex", "setoutputfilter"),
}
VALUES = {"unset": 0, "edit": 2, "edit*": 2}  # how many values an action of Header has; else one


class Walk:
    """A request and what became of it.

    `applied`: the lines that applied, in order. `headers`: as the gateway gets them, by names in lower case; `set_by`
    and `edited_by`: the lines that set or edited one. `env`: the variables; `env_by`: the line that set each.
    `handler`: the ProxyPass or alias that took the path; `module`: the module that asks the program, empty for files.
    `status`: of an error that Apache answers itself, else 0. `answer`: the lines Header.
    """

    def __init__(self, directives: list[Directive], request: Request, port: int) -> None:
        self.request = request
        self.path = re.sub("/+", "/", unquote(request.path))
        self.headers: dict[str, str] = {}
        for name, value in request.headers:
            self.headers[name.lower()] = ", ".join(filter(None, (self.headers.get(name.lower()), value)))
        self.set_by: dict[str, Directive] = {}
        self.edited_by: dict[str, list[Directive]] = {}
        self.env: dict[str, str] = {"UNIQUE_ID": "unique-id"}
        self.env_by: dict[str, Directive] = {}
        self.applied: list[Directive] = []
        self.answer: list[Directive] = []
        self.handler: Directive | None = None
        self.module, self.file, self.status = "", "", 0
        host = conditions.host_of(directives, self.headers.get("host", ""), port)
        self.all = [each for each in directives if conditions.section(each, "<virtualhost") in {None, host}]
        self.server = [each for each in self.all if not conditions.order_of(each)[0]]
        self.here = self.server  # and the sections of the path, once they are known
        self._pass()

    def _pass(self) -> None:
        self._change_headers(early=True)
        self._set_variables(self.server)
        self._rewrite()
        if not self.status:
            self._find_handler()
            self._set_variables(each for each in self.here if each not in self.server)
            self._check_access()
        if not self.status:
            self._fix_up()
            self.applied += [line for line in self.here if self._concerns(line)]
        self._answer()

    def named(self, *names: str) -> list[Directive]:
        """The directives with these names that hold for this path."""
        return [each for each in self.here if each.name in names]

    # --- headers and variables ----------------------------------------------------------------------------------------

    def _change_headers(self, early: bool) -> None:
        for line in self.named("requestheader"):
            action, name, *rest = line.args
            values, end = rest[: VALUES.get(action, 1)], rest[VALUES.get(action, 1) :]
            now = (end == ["early"]) == early and conditions.last_word(end, self.headers, self.env)
            if now and len(values) == VALUES.get(action, 1) and self._change_header(line, action, name.lower(), values):
                self.applied.append(line)

    def _change_header(self, line: Directive, action: str, name: str, values: list[str]) -> bool:
        """Change a header. Returns False if the line found nothing to change."""
        old = self.headers.get(name)
        if action == "unset":
            self.set_by.pop(name, None)
            return self.headers.pop(name, None) is not None
        if action == "set" or (old is None and action not in {"edit", "edit*"}):
            self.headers[name], self.set_by[name] = values[0], line
            self.edited_by.pop(name, None)
            return True
        if old is None or action == "setifempty" or (action[:4] == "edit" and not re.search(values[0], old)):
            return False
        edited = re.sub(values[0], values[1].replace("$", "\\"), old) if action[:4] == "edit" else f"{old}, {values[0]}"
        self.headers[name] = edited
        self.edited_by.setdefault(name, []).append(line)
        return True

    def _set_variables(self, lines: Iterable[Directive]) -> None:
        for line in lines:
            match line.name, line.args:
                case "setenvif" | "setenvifnocase", (attribute, pattern, *words):
                    flags = re.IGNORECASE if line.name == "setenvifnocase" else 0
                    groups = re.search(pattern, self._attribute(attribute), flags)
                case "setenvifexpr", (expression, *words):
                    groups = conditions.holds(expression, self.headers, self.env)
                case _:
                    continue
            if groups:
                self.applied.append(line)
                for word in words:
                    name, equals, value = word.partition("=")
                    self._set(name, conditions.filled(value, groups) if equals else "1", line)

    def _attribute(self, name: str) -> str:
        """The text that SetEnvIf compares: a fact of the request, else a header, else a variable."""
        facts = {"request_uri": self.request.path, "request_method": self.request.method, "remote_addr": "127.0.0.1"}
        return facts.get(name.lower()) or self.headers.get(name.lower()) or self.env.get(name, "")

    def _set(self, name: str, value: str, line: Directive) -> None:
        """Set a variable; !NAME removes it."""
        self.env.pop(name.lstrip("!"), None)
        self.env_by.pop(name.lstrip("!"), None)
        if not name.startswith("!"):
            self.env[name], self.env_by[name] = value, line

    # --- rewriting ----------------------------------------------------------------------------------------------------

    def _rewrite(self) -> None:
        above: list[Directive] = []
        for line in self.server:
            if line.name == "rewritecond":
                above.append(line)
            elif line.name == "rewriterule":
                groups = re.search(line.args[0], self.path)
                if groups and all(self._fits(condition, groups) for condition in above):
                    self.applied += [*above, line]
                    if self._rewritten(line, groups):
                        return
                above = []

    def _fits(self, condition: Directive, rule: re.Match[str]) -> bool:
        text, pattern, *flags = condition.args
        if text == "expr":
            return conditions.holds(pattern, self.headers, self.env) is not None
        text = conditions.filled(text.replace("%{HTTP_HOST}", "%{HTTP:Host}"), rule)
        text = conditions.put_in(text, self.headers, self.env)
        if pattern == "-f":
            return os.path.isfile(text)
        return re.search(pattern, text, re.IGNORECASE if flags == ["[NC]"] else 0) is not None

    def _rewritten(self, rule: Directive, groups: re.Match[str]) -> bool:
        """Obey a rule. Returns True if no further rule follows."""
        _, path, *flags = rule.args
        self.path = self.path if path == "-" else conditions.filled(path, groups)
        words = flags[0].strip("[]").split(",") if flags else []
        for word in words:
            if word.startswith("E="):
                name, _, value = word[2:].partition(":")
                self._set(name, conditions.filled(value, groups), rule)
            elif word == "R" or word.startswith("R="):
                self.status = int(word[2:] or 302)
        return bool(self.status) or not {"PT", "L", "END"}.isdisjoint(words)

    # --- from the path to the program ---------------------------------------------------------------------------------

    def _find_handler(self) -> None:
        """Find the first ProxyPass that matches; without one, or if it says `!`, the first alias. Then the sections."""
        proxy, alias = self._first("proxypass"), None
        if proxy and proxy.args[1] != "!":
            self.handler, self.module = proxy, f"mod_proxy_{proxy.args[1].rpartition('|')[2].partition(':')[0]}"
        elif alias := self._first(*ALIASES):
            self.handler, self.module = alias, ALIASES[alias.name]
            self.file = alias.args[1] + self.path.removeprefix(alias.args[0])
        self.applied += [line for line in (proxy, alias) if line]
        self.here = sorted(
            (each for each in self.all if all(map(self._is_inside, each.inside))), key=conditions.order_of
        )
        for line in self.named("sethandler"):
            self.module = HANDLERS.get(line.args[0], self.module)
        if not self.handler:
            self.status = 404

    def _first(self, *names: str) -> Directive | None:
        lines = (each for each in self.server if each.name in names)
        return next((each for each in lines if conditions.under(self.path, each.args[0])), None)

    def _is_inside(self, section: Directive) -> bool:
        match section.name, section.args:
            case "<location", (prefix, *_):
                return conditions.under(self.path, prefix)
            case "<locationmatch", (pattern, *_):
                return re.search(pattern, self.path) is not None
            case "<directory", (folder, *_):
                return bool(self.file) and conditions.under(self.file, folder)
            case "<files", (pattern, *_):
                return bool(self.file) and fnmatch(os.path.basename(self.file), pattern)
            case "<if", words:
                return conditions.holds(" ".join(words), self.headers, self.env) is not None
        return True

    def _check_access(self) -> None:
        """Of all sections with Require, only the last one counts."""
        self.applied += self.named("assignuserid")
        requires = self.named("require")
        places = [[s for s in each.inside if not s.name.startswith("<require")] for each in requires]
        last = [each for each, place in zip(requires, places, strict=True) if place == places[-1]]
        methods = self.named("allowmethods")
        self.applied += last + methods
        if any(each.args[0] == "env" and each.args[1] not in self.env for each in last):
            self.status = 403
        elif any(self.request.method not in each.args for each in methods):
            self.status = 405

    def _fix_up(self) -> None:
        for line in self.named("setenv", "passenv"):
            values = dict.fromkeys(line.args, "") if line.name == "passenv" else {line.args[0]: line.args[-1]}
            for name, value in values.items():
                self._set(name, value, line)
            self.applied.append(line)
        self.applied += self.named("ssloptions")
        self._change_headers(early=False)

    def _concerns(self, line: Directive) -> bool:
        """Does a line of the handler's phase concern this request?"""
        if not any(line.name in CONCERNS[fact] for fact in self._facts()):
            return False
        wrapper = next((each.args[0] for each in self.named("fcgidwrapper")), "")
        own = wrapper in (each.args[0] for each in self.named("fcgidcmdoptions"))  # then FcgidInitialEnv does not hold
        match line.name:
            case "wsgidaemonprocess":
                return self.handler is not None and f"process-group={line.args[0]}" in self.handler.args
            case "fcgidcmdoptions":
                return line.args[0] == wrapper
            case "fcgidinitialenv":
                return not own
        return True

    def _facts(self) -> set[str]:
        """The keys of CONCERNS that hold."""
        proxied = self.module.startswith("mod_proxy")
        facts = {
            "body": self.headers.get("content-length", "0") != "0",
            "expect": proxied and "expect" in self.headers,
            "range": "range" in self.headers,
            "file": bool(self.file),
        }
        return {fact for fact in CONCERNS if facts.get(fact, fact == self.module)}

    def _answer(self) -> None:
        """The page of an error is a file of ours. Without a page, an error has only the headers with `always`."""
        pages = [each for each in self.named("errordocument") if each.args[0] == str(self.status)]
        self.applied += pages[-1:]
        if pages:
            self.path = conditions.put_in(pages[-1].args[1], self.headers, self.env)
            self._find_handler()
        lines = [each for each in self.named("header") if self._is_answered(each)]
        always = [each for each in lines if each.args[0] == "always"]
        self.answer = always + [each for each in lines if each not in always and (pages or not self.status)]
        self.applied += self.answer

    def _is_answered(self, header: Directive) -> bool:
        action, _, *rest = words_of_header(header)
        return conditions.last_word(rest[VALUES.get(action, 1) :], self.headers, self.env)


def words_of_header(line: Directive) -> tuple[str, ...]:
    """The words of a line Header, without `always`: action, name, values, condition."""
    return line.args[1:] if line.args[0] in {"always", "onsuccess"} else line.args
