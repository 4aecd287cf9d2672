"""Terraform beyond its own rules: names that lead somewhere, who is trusted, what survives a mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slipway.contract.hcl import TOKEN, Block, spans
from slipway.contract.registry import check
from slipway.contract.repository import Repository, resolve
from slipway.contract.terraform import ANYBODY, ENVIRONMENT, STORES, Finding, files, folders

INTERPOLATION = re.compile(r"[$%]\{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}")
REFERENCE = re.compile(
    r"(?<![\w.\"-])(?:(?P<kind>var|local)\.(?P<name>[A-Za-z_][\w-]*)"
    r"|module\.(?P<module>[A-Za-z_][\w-]*)(?:\.(?P<output>[A-Za-z_][\w-]*))?"
    r"|(?P<data>data\.|ephemeral\.)?(?P<type>(?:aws|kafka)_\w+)\.(?P<resource>[A-Za-z_][\w-]*))"
)
MOVED = frozenset({"import", "moved", "removed"})
WIDE = re.compile(r"policy/(?:\S*/)?(AdministratorAccess|PowerUserAccess|IAMFullAccess|\w+FullAccess)\b")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
ANY_ARN = re.compile(r'"arn:[^"]*:\*:[^"]*:?\*"|"arn:[^"]*:\*"')
TLS = {
    "rds.force_ssl": ("1",),
    "tls": ("enabled", "tls1.2+", "tls1.3+", "fips-140-3"),
    "require_secure_transport": ("ON", "1"),
}
KEPT_LOGS, KEPT_IMAGES, KEPT_KEYS = 30, 50, 14
UPPER = re.compile(r"<|~>|(?:^|,)\s*=?\s*[0-9]")
OWN_KEY = {"aws_cloudwatch_log_group": "kms_key_id", "aws_secretsmanager_secret": "kms_key_id"}


def _blocks(repository: Repository, *kinds: str) -> Iterator[tuple[str, Block]]:
    return ((path, block) for path, file in files(repository) for block in file.of(*kinds) if block.labels)


def _called(block: Block) -> str:
    return ".".join(block.labels)


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"[0-9]+", text.strip('"')) and text.strip('"') else None


def _code(expression: str) -> str:
    """Give an expression without the words of its strings; what they interpolate stays."""
    if '"' not in expression and "<<" not in expression:
        return expression
    return TOKEN.sub(
        lambda one: f" {' '.join(INTERPOLATION.findall(one[0]))} " if one["string"] or one["heredoc"] else one[0],
        expression,
    )


@check(
    "TER014",
    "what an expression names is declared",
    why="A variable, a resource or an output that is not there stops the next plan, and only that.",
    fix="Correct the name, or declare it in the folder; outputs are declared by the module.",
)
def declared(repository: Repository) -> Iterator[Finding]:
    """Yield references that lead nowhere."""
    known = folders(repository)
    for folder, content in known.items():
        there = _declared(content)
        sources = {
            block.labels[0]: resolve(f"{folder}/main.tf", block.attributes["source"].literal or "")
            for _, file in content
            for block in file.of("module")
            if block.labels and "source" in block.attributes
        }
        for path, file in content:
            for block in (one for top in file.blocks if top.kind not in MOVED for one in top.everywhere()):
                for attribute in block.attributes.values():
                    for found in REFERENCE.finditer(_code(attribute.text)):
                        wrong = _missing(found, there, sources, known)
                        if wrong:
                            yield path, attribute.line, wrong


def _declared(content: list[tuple[str, Block]]) -> set[str]:
    there = set()
    for _, file in content:
        for block in file.blocks:
            if block.kind == "variable":
                there.add(f"var.{_called(block)}")
            elif block.kind == "module":
                there.add(f"module.{_called(block)}")
            elif block.kind == "locals":
                there |= {f"local.{name}" for name in block.attributes}
            elif block.kind == "resource":
                there.add(_called(block))
            elif block.kind in ("data", "ephemeral"):
                there.add(f"{block.kind}.{_called(block)}")
    return there


def _missing(
    found: re.Match[str], there: set[str], sources: dict[str, str], known: dict[str, list[tuple[str, Block]]]
) -> str:
    if found["kind"]:
        name = f"{found['kind']}.{found['name']}"
    elif found["type"]:
        name = f"{found['data'] or ''}{found['type']}.{found['resource']}"
    else:
        name = f"module.{found['module']}"
        inner = known.get(sources.get(found["module"], ""))
        if inner and found["output"]:
            outputs = {_called(block) for _, file in inner for block in file.of("output")}
            if found["output"] not in outputs:
                return f"{name} has no output {found['output']}"
    return "" if name in there else f"{name} is not declared in this folder"


@check(
    "TER015",
    "a role trusts one audience and named subjects, and holds no policy for everything",
    why="A trust without aud or sub takes any token of the issuer; a managed policy grants what nobody listed (O04).",
    fix="StringEquals on :aud and on each :sub; list actions and ARNs in a policy of the role.",
)
def trusted(repository: Repository) -> Iterator[Finding]:
    """Yield trusts that are too wide, and policies that are for everything."""
    for path, file in files(repository):
        for block in file.everywhere():
            for name, attribute in block.attributes.items():
                if found := WIDE.search(attribute.text):
                    yield path, attribute.line, f"{_called(block) or block.kind} takes {found[1]}"
                if name == "secret_readers" and '"default"' in attribute.text:
                    yield (
                        path,
                        attribute.line,
                        "secret_readers trusts the account that every pod has without one of its own",
                    )
                if "Action" in attribute.text and "{" in attribute.text:
                    yield from ((path, attribute.line, what) for what in _trusts(attribute.text))


def _trusts(expression: str) -> Iterator[str]:
    for shallow, whole in spans(expression):
        if not re.search(r"\bAction\b", shallow) or '"Allow"' not in shallow:
            continue
        sid = re.search(r"\bSid\"?\s*[=:]\s*\"(\w+)\"", shallow)
        name = sid[1] if sid else "a statement"
        principal = re.search(r"\bPrincipal\"?\s*[=:]\s*\{([^}]*)\}", whole)
        if principal and '"*"' in principal[1]:
            yield f"{name} lets anybody in"
        resource = whole[whole.find("Resource") :].partition("Condition")[0] if "Resource" in whole else ""
        if found := ANY_ARN.search(resource):
            yield f"{name} is for every resource of a kind: {found[0]}"
        if '"kms:Decrypt"' in shallow and not principal and "kms:ViaService" not in whole:
            yield f"{name} decrypts for everybody who asks, not through one service: kms:ViaService"
        if "AssumeRoleWithWebIdentity" in shallow:
            yield from (f"{name} {what}" for what in _federated(whole))


def _federated(whole: str) -> Iterator[str]:
    equal = "".join(re.findall(r"StringEquals\"?\s*[=:]\s*(\{(?:[^{}]|\{[^{}]*\})*\})", whole))
    if ':aud"' not in equal:
        yield "takes a token for any audience: no StringEquals on :aud"
    if ':sub"' not in whole:
        yield "takes any subject of the issuer: no condition on :sub"
    for _, _, subject in (one.partition(':sub"') for one in whole.splitlines()):
        if any("*" in one for one in LITERAL.findall(subject)):
            yield "takes subjects by a wildcard"


@check(
    "TER016",
    "an environment names itself, and takes its region from a variable",
    why="The folder of staging that says production builds a second production over the first (rows O03, O05).",
    fix="Write the name of the folder; region = var.region.",
)
def own_name(repository: Repository) -> Iterator[Finding]:
    """Yield environments that call themselves otherwise, and literal regions."""
    for path, file in files(repository):
        environment = ENVIRONMENT.match(path.rsplit("/", 1)[0])
        for block in file.everywhere():
            given = block.attributes.get("environment")
            if environment and given and given.literal not in (None, environment[1]):
                yield path, given.line, f"environment is {given.literal} in the folder of {environment[1]}"
            if block.kind == "provider" and "region" in block.attributes and block.attributes["region"].literal:
                yield path, block.attributes["region"].line, f"provider {_called(block)} has a literal region"
            if block.kind == "required_providers":
                for name, attribute in block.attributes.items():
                    version = re.search(r"\bversion\s*=\s*\"([^\"]*)\"", attribute.text)
                    if version and not UPPER.search(version[1]):
                        yield path, attribute.line, f"the provider {name} may be any version from {version[1]}"
            if block.kind == "module" and "source" in block.attributes:
                source = block.attributes["source"].literal or ""
                fetched = "::" in source or "//" in source or source.startswith("github.com")
                if fetched and not re.search(r"[?&]ref=(?!main\b|master\b|HEAD\b)", source):
                    yield (
                        path,
                        block.attributes["source"].line,
                        f"module {_called(block)} is another one tomorrow: no ref",
                    )


@check(
    "TER017",
    "what is stored is under the service's own key, kept long enough, and reached by TLS on one port",
    why="Data under the account's key, logs of a day, or a port in the open fail the audit after the loss (row O08).",
    fix="Set what the message names.",
)
def kept(repository: Repository) -> Iterator[Finding]:
    """Yield resources that keep too little, or keep it badly."""
    for path, block in _blocks(repository, "resource"):
        for message in [*_guarded(block), *_long_enough(block)]:
            yield path, block.line, f"{_called(block)} {message}"
        for inner in block.everywhere():
            name, value = inner.text("name").strip('"'), inner.text("value").strip('"')
            if inner.kind == "parameter" and value not in TLS.get(name, (value,)):
                yield path, inner.line, f"{_called(block)} takes connections without TLS: {name} is {value}"
            if inner.kind == "provisioner":
                yield path, inner.line, f"{_called(block)} runs a command on the machine that applies it"
            if inner.kind == "lifecycle" and inner.text("ignore_changes") == "all":
                yield path, inner.line, f"{_called(block)} ignores every change: the code no longer says what it is"
    yield from _ports(repository)
    yield from _shorter(repository)


def _guarded(block: Block) -> Iterator[str]:
    kind = block.labels[0]
    if kind in STORES and not block.text("kms_key_id"):
        yield "is encrypted with the account's key: no kms_key_id"
    if kind in STORES and not block.text("enabled_cloudwatch_logs_exports"):
        yield "sends its logs nowhere: no enabled_cloudwatch_logs_exports"
    if kind == "aws_db_instance" and block.text("multi_az") in ("", "false"):
        yield "has no standby: multi_az is for a variable to say"
    if kind in OWN_KEY and not block.text(OWN_KEY[kind]):
        yield f"is encrypted with the account's key: no {OWN_KEY[kind]}"
    yield from _guarded_parts(block)


def _guarded_parts(block: Block) -> Iterator[str]:
    kind = block.labels[0]
    if kind == "aws_ecr_repository":
        if not any("KMS" in one.text("encryption_type") for one in block.of("encryption_configuration")):
            yield "is not encrypted with a key of the service"
        if block.text("force_delete") == "true":
            yield "is deleted with every image in it: force_delete"
    if kind == "aws_secretsmanager_secret_policy" and block.text("block_public_policy") != "true":
        yield "may be made public: no block_public_policy = true"
    if kind == "aws_secretsmanager_secret_version" and "secret_string" in block.attributes:
        yield "keeps its value in the state: say secret_string_wo"
    everywhere = any(ANYBODY.search(one.text) for one in block.attributes.values())
    if "egress_rule" in kind and everywhere and block.text("ip_protocol") == '"-1"':
        yield "lets everything out to everywhere"


def _long_enough(block: Block) -> Iterator[str]:
    kind, expression = block.labels[0], block.text("policy")
    days = _number(block.text("retention_in_days"))
    if kind == "aws_cloudwatch_log_group" and (
        not block.text("retention_in_days") or (days is not None and days < KEPT_LOGS)
    ):
        yield f"keeps logs for {block.text('retention_in_days') or 'ever, and is paid for as long'}: retention_in_days"
    window = _number(block.text("deletion_window_in_days"))
    if kind == "aws_kms_key" and window is not None and window < KEPT_KEYS:
        yield f"is gone after {window:g} days: deletion_window_in_days, and all data with it"
    if block.text("recovery_window_in_days") == "0":
        yield "cannot be brought back: recovery_window_in_days is 0"
    for found in re.findall(r"imageCountMoreThan\"\s*,\s*countNumber\s*=\s*([0-9]+)", expression):
        if int(found) < KEPT_IMAGES:
            yield f"keeps the last {found} images, and removes the one that production runs"


def _ports(repository: Repository) -> Iterator[Finding]:
    """Yield rules that open more than one port, or another than the datastore's."""
    for content in folders(repository).values():
        blocks = [(path, block) for path, file in content for block in file.of("resource") if block.labels]
        served = {block.text("port") for _, block in blocks if block.labels[0] in STORES} - {""}
        for path, block in blocks:
            first, last = block.text("from_port"), block.text("to_port")
            if "ingress_rule" not in block.labels[0] or not first:
                continue
            if first != last:
                yield path, block.line, f"{_called(block)} opens the ports {first} to {last}"
            elif served and first not in served:
                yield (
                    path,
                    block.line,
                    f"{_called(block)} opens port {first}, and the datastore has {', '.join(served)}",
                )


def _shorter(repository: Repository) -> Iterator[Finding]:
    """Yield a production that keeps fewer backups than its module does by itself."""
    known = folders(repository)
    for path, block in _blocks(repository, "module"):
        environment = ENVIRONMENT.match(path.rsplit("/", 1)[0])
        given = block.attributes.get("backup_retention_days")
        inner = known.get(resolve(path, block.text("source").strip('"')), [])
        default = next(
            (
                one.text("default")
                for _, file in inner
                for one in file.of("variable")
                if one.labels == ("backup_retention_days",)
            ),
            "",
        )
        ours, theirs = _number(given.text if given else ""), _number(default)
        if (
            environment
            and environment[1] == "production"
            and given
            and ours is not None
            and theirs is not None
            and ours < theirs
        ):
            yield (
                path,
                given.line,
                f"module {_called(block)} keeps backups of production for {ours:g} days, not {theirs:g}",
            )


@check(
    "TER018",
    "topics survive a broker, and their account does what the service does",
    why="One replica, or an unclean leader, loses events that were acknowledged; a star reads every team's (row O04).",
    fix="replication_factor 3, min.insync.replicas 2, no unclean election; name topic, group and operation.",
)
def topics(repository: Repository) -> Iterator[Finding]:
    """Yield topics that lose events, and accounts that may do more than the service."""
    for path, block in _blocks(repository, "resource", "provider"):
        kind = block.labels[0]
        for message in _copied(block) if kind == "kafka_topic" else ():
            yield path, block.line, f"{_called(block)} {message}"
        if kind == "kafka_acl" and block.text("resource_name") == '"*"':
            yield path, block.line, f"{_called(block)} is for every {block.text('resource_type').strip(chr(34))}"
        if kind == "kafka" and block.text("tls_enabled") == "false":
            yield path, block.line, "provider kafka speaks without TLS"
    for path, file in files(repository):
        for block in file.everywhere():
            for name, attribute in block.attributes.items():
                if re.search(r"\b(?:acl_)?operation\s*=\s*\"(?:All|\*)\"", f"{name} = {attribute.text}"):
                    yield path, attribute.line, f"{name} allows every operation"
                if name in ("group", "topic", "dead_letter_topic") and attribute.literal == "*":
                    yield path, attribute.line, f"{name} is *"


def _copied(block: Block) -> Iterator[str]:
    copies = _number(block.text("replication_factor"))
    config = dict(re.findall(r'"([a-z.]+)"\s*=\s*"(\w+)"', block.text("config")))
    synced = _number(config.get("min.insync.replicas", ""))
    if copies is not None and copies < 3:  # noqa: PLR2004
        yield f"has replication_factor {copies:g}: too few copies"
    if synced is not None and synced < 2:  # noqa: PLR2004
        yield f"acknowledges what one broker has: min.insync.replicas {synced:g}"
    if synced is not None and copies is not None and copies > 1 and synced >= copies:
        yield f"stops with the first broker: min.insync.replicas {synced:g}"
    if config.get("unclean.leader.election.enable") == "true":
        yield "elects a leader that lacks events: unclean.leader.election.enable"


@check(
    "TER019",
    "each module is tested, and refuses what is wrong",
    why="What no test holds is broken by the next change; a validation that is always true refuses nothing (row O01).",
    fix="Keep tests/*.tftest.hcl with run blocks beside the module; let a condition look at its variable.",
)
def tested(repository: Repository) -> Iterator[Finding]:
    """Yield modules without tests, and validations that hold always."""
    for folder, content in folders(repository).items():
        if re.match(r"infra/terraform/(?:modules/[^/]+|registry)$", folder) and any(
            True for _, file in content for _ in file.of("resource")
        ):
            tests = list(repository.matching(rf"{re.escape(folder)}/tests/.*\.tftest\.hcl$"))
            if not any(re.search(r"^run \"", repository.text(path), re.MULTILINE) for path in tests):
                yield content[0][0], 0, f"{folder} has no test: tests/*.tftest.hcl with a run block"
        for path, file in content:
            for block in file.of("variable"):
                for inner in block.of("validation"):
                    if f"var.{_called(block)}" not in inner.text("condition"):
                        yield path, inner.line, f"the validation of {_called(block)} does not look at it"
