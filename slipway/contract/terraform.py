"""Terraform: a state nobody else can write, least privilege, and data that survives a mistake."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from slipway.contract.hcl import Block, UnreadableError, objects, read
from slipway.contract.registry import check
from slipway.contract.repository import Repository, resolve

PLACE = r"infra/terraform/(?!.*\.terraform/).*\.tf$"
ENVIRONMENT = re.compile(r"^infra/terraform/envs/([^/]+)$")
META = frozenset({"source", "version", "providers", "count", "for_each", "depends_on"})
STORES = frozenset({"aws_db_instance", "aws_docdb_cluster", "aws_neptune_cluster", "aws_rds_cluster"})
REGISTRY = "aws_ecr_repository"
IDENTIFIER = re.compile(
    r"(?<![\d.])\d{12}(?![\d.])|\b(?:vpc|subnet|sg|ami|vpce|eni|rtb|igw|nat|i)-[0-9a-f]{8,17}\b|\barn:aws[a-z-]*:[a-z0-9-]+:"
    r"[a-z0-9-]*:\d{12}:"
)
SECRET_NAME = re.compile(r"(?:^|_)(?:password|secret|token|api_key|access_key|secret_key|private_key)(?:_wo)?$")
SECRET_PART = re.compile(r"\.(?:\w+_)?(?:password|secret_string|private_key|secret_access_key)\b")
KEY = re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----")
ANYBODY = re.compile(r"\"(?:0\.0\.0\.0/0|::/0)\"")
WILDCARD = re.compile(r"\"(?:\*|[a-z0-9-]+:\*)\"")
# actions that know no resource
WITHOUT_RESOURCE = re.compile(r"(?:ecr|ecr-public):GetAuthorizationToken|sts:GetCallerIdentity|cloudwatch:PutMetricData|ec2:Describe\w+")  # fmt: skip  # noqa: E501

Finding = tuple[str, int, str]


def files(repository: Repository) -> Iterator[tuple[str, Block]]:
    """Give each Terraform file that can be read."""
    for path in repository.matching(PLACE):
        try:
            yield path, read(repository.text(path))
        except UnreadableError:  # TER001 names it
            continue


def folders(repository: Repository) -> dict[str, list[tuple[str, Block]]]:
    """Give the files of each folder: what Terraform takes as one."""
    found: dict[str, list[tuple[str, Block]]] = {}
    for path, file in files(repository):
        found.setdefault(path.rsplit("/", 1)[0], []).append((path, file))
    return found


def roots(repository: Repository) -> Iterator[tuple[str, list[tuple[str, Block]]]]:
    """Give the folders that are applied: they have a backend, or configure a provider, or are an environment."""
    for folder, content in folders(repository).items():
        applied = any(True for _, file in content for block in file.of("provider")) or any(_backends(content))
        if applied or ENVIRONMENT.match(folder):
            yield folder, content


def _backends(content: list[tuple[str, Block]]) -> Iterator[tuple[str, Block]]:
    for path, file in content:
        for settings in file.of("terraform"):
            for block in settings.of("backend", "cloud"):
                yield path, block


def _resources(repository: Repository) -> Iterator[tuple[str, Block]]:
    for path, file in files(repository):
        for block in file.of("resource"):
            if block.labels:
                yield path, block


def _called(block: Block) -> str:
    return ".".join(block.labels)


@check(
    "TER001",
    "Terraform files can be read",
    why="A file that does not parse stops every plan, and hides from the other checks.",
    fix="Close what is open; terraform fmt names the place.",
)
def readable(repository: Repository) -> Iterator[Finding]:
    """Yield files that are not Terraform."""
    for path in repository.matching(PLACE):
        try:
            read(repository.text(path))
        except UnreadableError as error:
            yield path, 0, str(error)


@check(
    "TER002",
    "each state is kept remotely, encrypted and locked",
    why="A state on a laptop is lost with it, one without a lock is broken by two who apply at once (row O02).",
    fix='Add backend "s3" with key, encrypt = true and use_lockfile = true.',
)
def state(repository: Repository) -> Iterator[Finding]:
    """Yield folders whose state is local, in the open or not locked."""
    for folder, content in roots(repository):
        found = list(_backends(content))
        if not found:
            yield content[0][0], 0, f"{folder} names no backend: its state would stay on the machine that applies it"
        for path, block in found:
            if block.kind == "backend" and block.labels[:1] == ("local",):
                yield path, block.line, "backend local keeps the state on the machine that applies it"
            if block.labels[:1] == ("s3",):
                for name in ("encrypt", "use_lockfile"):
                    if block.text(name) != "true":
                        yield path, block.line, f"backend s3 lacks {name} = true"


@check(
    "TER003",
    "each environment has a state of its own",
    why="Two environments in one state: an apply of the first destroys the second (row O03).",
    fix="Give each folder a key that no other has, with the name of the environment in it.",
)
def keys(repository: Repository) -> Iterator[Finding]:
    """Yield state keys that are shared, or that do not name their environment."""
    found = [
        (path, block, folder, str(block.attributes["key"].literal or ""))
        for folder, content in roots(repository)
        for path, block in _backends(content)
        if block.labels[:1] == ("s3",) and "key" in block.attributes
    ]
    often = Counter(key for *_, key in found if key)
    for path, block, folder, key in found:
        environment = ENVIRONMENT.match(folder)
        if often[key] > 1:
            yield path, block.line, f"key {key} is the state of {often[key]} folders"
        elif key and environment and environment[1] not in re.split(r"[/.]", key):
            yield path, block.line, f"key {key} does not name {environment[1]}"


@check(
    "TER004",
    "versions of Terraform and of each provider are bounded",
    why="Without a bound the next init takes another version, and a plan nobody asked for.",
    fix="Set required_version, and source and version of each provider in required_providers.",
)
def versions(repository: Repository) -> Iterator[Finding]:
    """Yield folders without bounds on what they run with."""
    for folder, content in folders(repository).items():
        settings = [block for _, file in content for block in file.of("terraform")]
        first = next((path for path, file in content if any(one.blocks for one in file.of("terraform"))), content[0][0])
        if not any(block.text("required_version") for block in settings):
            yield first, 0, f"{folder} has no required_version"
        required = {
            name: attribute.text
            for block in settings
            for inner in block.of("required_providers")
            for name, attribute in inner.attributes.items()
        }
        used = {
            block.labels[0].split("_")[0]
            for _, file in content
            for block in file.of("resource", "data", "ephemeral")
            if block.labels
        } - {"terraform"}
        for name in sorted(used | set(required)):
            if not re.search(r"\bversion\s*=", required.get(name, "")):
                yield first, 0, f"{folder} uses the provider {name} without a version in required_providers"


@check(
    "TER005",
    "no account, network or other id stands in the code",
    why="A literal id ties a module to one account, and an apply elsewhere changes the wrong thing (row O05).",
    fix="Take it from a variable or a data source; values belong into tfvars.",
)
def identifiers(repository: Repository) -> Iterator[Finding]:
    """Yield literal ids."""
    for path in repository.matching(PLACE):
        for number, line in repository.lines(path):
            code = re.sub(r"(?:^|\s)(?:#|//).*", "", line)
            if found := IDENTIFIER.search(code):
                yield path, number, f"{found[0]} is an id of one account"


@check(
    "TER006",
    "no secret stands in the code, and none leaves in the open",
    why="Code is read by everybody, states and logs by many (rows H02, O05).",
    fix="Let the service make it (manage_master_user_password) or pass an ephemeral variable; mark outputs sensitive.",
)
def secrets(repository: Repository) -> Iterator[Finding]:
    """Yield literal secrets, defaults of secret variables and outputs that show secrets."""
    for path, file in files(repository):
        for block in file.everywhere():
            for name, attribute in block.attributes.items():
                if KEY.search(attribute.text):
                    yield path, attribute.line, f"{name} holds a key"
                elif SECRET_NAME.search(name) and attribute.literal:
                    yield path, attribute.line, f"{name} is a literal"
    for path in repository.matching(r"infra/terraform/.*\.tfvars$"):
        for number, line in repository.lines(path):
            given = re.match(r'\s*(\w+)\s*=\s*"[^"]+"', line)
            if given and SECRET_NAME.search(given[1]):
                yield path, number, f"{given[1]} is a literal"
    for content in folders(repository).values():
        yield from _shown(content)


def _shown(content: list[tuple[str, Block]]) -> Iterator[Finding]:
    """Yield variables that hold a secret in the open, and outputs that show one."""
    variables = [(path, block) for path, file in content for block in file.of("variable") if block.labels]
    hidden = {_called(one) for _, one in variables if "true" in (one.text("sensitive"), one.text("ephemeral"))}
    for path, block in variables:
        if SECRET_NAME.search(_called(block)) and block.text("default") not in ("", "null"):
            yield path, block.line, f"variable {_called(block)} has a default"
        if SECRET_NAME.search(_called(block)) and _called(block) not in hidden:
            yield path, block.line, f"variable {_called(block)} is not sensitive"
    for path, block in ((path, block) for path, file in content for block in file.of("output")):
        shown = set(re.findall(r"\bvar\.([\w-]+)", block.text("value")))
        if block.text("sensitive") != "true" and (SECRET_PART.search(block.text("value")) or hidden & shown):
            yield path, block.line, f"output {_called(block)} shows a secret and is not sensitive"


@check(
    "TER007",
    "policies name actions and resources",
    why="A wildcard grants what nobody thought of, today's and tomorrow's (rows H01, O04).",
    fix="List the actions; name the resources; let a policy on a resource name its principals.",
)
def privileges(repository: Repository) -> Iterator[Finding]:
    """Yield statements with wildcards."""
    for path, file in files(repository):
        for block in file.everywhere():
            for attribute in block.attributes.values():
                if "Action" in attribute.text and "{" in attribute.text:
                    for one in objects(attribute.text):
                        yield from ((path, attribute.line, what) for what in _too_much(_statement(one)))
            if block.kind == "statement":
                given = {name: attribute.text for name, attribute in block.attributes.items()}
                principals = " ".join(inner.text("identifiers") for inner in block.of("principals"))
                statement = {
                    "Effect": given.get("effect", '"Allow"'),
                    "Action": given.get("actions", ""),
                    "Resource": given.get("resources", ""),
                    "Principal": principals,
                }
                yield from ((path, block.line, what) for what in _too_much(statement))


def _statement(text: str) -> dict[str, str]:
    """Give what a statement of a policy says, by its words."""
    parts = re.split(
        r"\b(NotAction|NotResource|NotPrincipal|Effect|Action|Resource|Principal|Condition|Sid)\b\"?\s*[=:]", text
    )
    return {name: value for name, value in zip(parts[1::2], parts[2::2], strict=False)}  # noqa: C416


def _too_much(statement: dict[str, str]) -> Iterator[str]:
    if "Allow" not in statement.get("Effect", "") or not {"Action", "NotAction"} & set(statement):
        return
    sid = re.search(r"\"(\w+)\"", statement.get("Sid", ""))
    name = sid[1] if sid else "a statement"
    if found := WILDCARD.search(statement.get("Action", "")):
        yield f"{name} allows the action {found[0]}"
    if "NotAction" in statement:
        yield f"{name} allows every action but some"
    if '"*"' in statement.get("Principal", ""):
        yield f"{name} lets anybody in"
    actions = re.findall(r"\"([a-z0-9-]+:[A-Za-z*]+)\"", statement.get("Action", ""))
    bound = all(WITHOUT_RESOURCE.fullmatch(action) for action in actions) or statement.get("Principal", "").strip()
    if '"*"' in statement.get("Resource", "") and not bound:
        yield f"{name} is for every resource"


@check(
    "TER008",
    "data is encrypted, not public, and survives its deletion",
    why="One wrong apply must neither show the data nor take it away (rows H12, O08).",
    fix="Set what the message names; let a variable decide about deletion_protection, and production leave it on.",
)
def stores(repository: Repository) -> Iterator[Finding]:
    """Yield datastores without what protects them."""
    for path, block in _resources(repository):
        if block.labels[0] not in STORES:
            continue
        wrong = {
            "storage_encrypted = true": block.text("storage_encrypted") != "true",
            "publicly_accessible = false": block.text("publicly_accessible") == "true",
            "deletion_protection": block.text("deletion_protection") in ("", "false"),
            "skip_final_snapshot = false": block.text("skip_final_snapshot") == "true",
            "backup_retention_period above 0": block.text("backup_retention_period") in ("", "0"),
            "a password that is in no state": bool({"password", "master_password"} & set(block.attributes)),
        }
        for what, is_wrong in wrong.items():
            if is_wrong:
                yield path, block.line, f"{_called(block)} lacks {what}"
    for path, file in files(repository):
        if ENVIRONMENT.match(path.rsplit("/", 1)[0]) and path.split("/")[3] == "production":
            for block in file.of("module"):
                for name in ("deletion_protection", "multi_az"):
                    if block.text(name) == "false":
                        yield (
                            path,
                            block.attributes[name].line,
                            f"module {_called(block)} turns {name} off in production",
                        )


@check(
    "TER009",
    "nothing is open to every address",
    why="What listens to the world is tried by the world within minutes (row H01).",
    fix="Name a security group, or the addresses that come in.",
)
def open_ways(repository: Repository) -> Iterator[Finding]:
    """Yield rules that let every address in."""
    for path, block in _resources(repository):
        inside = [inner for inner in block.everywhere() if inner.kind == "ingress"]
        if "ingress_rule" in block.labels[0] or block.text("type") == '"ingress"':
            inside.append(block)
        for rule in inside:
            if any(ANYBODY.search(attribute.text) for attribute in rule.attributes.values()):
                yield path, rule.line, f"{_called(block)} lets every address in"


@check(
    "TER010",
    "images keep their tags and are scanned, and keys rotate",
    why="A tag that can be moved is another image tomorrow; a key that stays is a key that leaks (rows O08, P03).",
    fix='Set image_tag_mutability = "IMMUTABLE", scan_on_push = true and enable_key_rotation = true.',
)
def registries(repository: Repository) -> Iterator[Finding]:
    """Yield repositories with mutable tags or without scan, and keys that do not rotate."""
    for path, block in _resources(repository):
        if block.labels[0] == REGISTRY:
            if not (block.attributes.get("image_tag_mutability") and "IMMUTABLE" in block.text("image_tag_mutability")):
                yield path, block.line, f"{_called(block)} has tags that can be moved"
            scans = [inner.text("scan_on_push") for inner in block.of("image_scanning_configuration")]
            if scans != ["true"]:
                yield path, block.line, f"{_called(block)} does not scan what is pushed"
        symmetric = block.text("key_usage") in ("", '"ENCRYPT_DECRYPT"')
        if block.labels[0] == "aws_kms_key" and symmetric and block.text("enable_key_rotation") != "true":
            yield path, block.line, f"{_called(block)} does not rotate"


@check(
    "TER011",
    "variables and outputs say what they are",
    why="Whoever fills a variable in at night has nothing but its description and its type.",
    fix="Give each variable a description and a type, each output a description.",
)
def described(repository: Repository) -> Iterator[Finding]:
    """Yield variables and outputs that say nothing of themselves."""
    for path, file in files(repository):
        for block in file.of("variable", "output"):
            wanted = ("description", "type") if block.kind == "variable" else ("description",)
            for name in wanted:
                if block.text(name) in ("", '""'):
                    yield path, block.line, f"{block.kind} {_called(block)} has no {name}"


@check(
    "TER012",
    "a module is there and takes what it is given",
    why="A wrong path, a missing or a surplus input is found only when somebody plans.",
    fix="Correct the source, or pass the variables that the module declares, and all without a default. Where another "
    "choice took the module away: destroy what it made while it is still there, then take the call out.",
)
def modules(repository: Repository) -> Iterator[Finding]:
    """Yield calls of modules that cannot work."""
    known = folders(repository)
    for path, file in files(repository):
        for block in file.of("module"):
            source = block.attributes["source"].literal if "source" in block.attributes else None
            if source is None:
                yield path, block.line, f"module {_called(block)} has no source"
            if source is None or not source.startswith("."):
                continue
            target = resolve(path, source)
            if target not in known:
                yield path, block.line, f"module {_called(block)}: there is no {target}"
                continue
            variables = {one.labels[0]: one for _, inner in known[target] for one in inner.of("variable") if one.labels}
            given = set(block.attributes) - META
            for name in sorted(given - set(variables)):
                yield path, block.attributes[name].line, f"module {_called(block)}: {target} has no variable {name}"
            for name, variable in variables.items():
                if name not in given and "default" not in variable.attributes:
                    yield path, block.line, f"module {_called(block)} does not give {name}"


@check(
    "TER013",
    "every resource carries the tags of its service",
    why="What has no owner is paid for by everybody and removed by nobody (row O05).",
    fix="Give each aws provider default_tags with service, environment, team and managed_by.",
)
def tagged(repository: Repository) -> Iterator[Finding]:
    """Yield providers without the tags."""
    for _, content in roots(repository):
        for path, file in content:
            for block in file.of("provider"):
                if block.labels[:1] != ("aws",):
                    continue
                tags = " ".join(inner.text("tags") for inner in block.of("default_tags"))
                missing = [
                    name
                    for name in ("service", "environment", "team", "managed_by")
                    if not re.search(rf"\b{name}\b\"?\s*[=:]", tags)
                ]
                if missing:
                    yield path, block.line, f"provider aws has no default tag {', '.join(missing)}"
