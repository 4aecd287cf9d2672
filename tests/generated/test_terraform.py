"""Terraform: what is generated, held by terraform itself, by parliament, checkov and tflint, without a cloud."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import Answers, Render, commit_all, git, once
from tests.generated.fakes import Answer, Bench

ENVIRONMENTS = ("dev", "staging", "production")
BEFORE = Path(__file__).parent / "planted" / "terraform-before"
KAFKA = "github.com/Mongey/terraform-provider-kafka@v0.13.1"
TFLINT = "github.com/terraform-linters/tflint@v0.64.0"
PARLIAMENT = ("--from", "parliament==1.6.4", "--with", "setuptools<81", "parliament")
CHECKOV = ("--from", "checkov==3.3.30", "checkov")
EACH_CHOICE: list[Answers] = [
    {"datastore": "mongodb", "broker": "kafka"},
    {"datastore": "postgresql", "broker": "none"},
    {"datastore": "none", "broker": "none"},
]
MODULES: dict[str, tuple[str, Answers]] = {
    "key": ("modules/key", {"broker": "none"}),
    "service": ("modules/service", {"broker": "none"}),
    "registry": ("registry", {"broker": "none"}),
    "rds": ("modules/datastore", {"datastore": "postgresql", "broker": "none"}),
    "documentdb": ("modules/datastore", {"datastore": "mongodb", "broker": "none"}),
    "broker": ("modules/broker", {"broker": "kafka"}),
}
DEFECTS = {
    "key": ("enable_key_rotation     = true", "enable_key_rotation     = false"),
    "service": ('"secretsmanager:GetSecretValue"]', '"secretsmanager:PutSecretValue"]'),
    "registry": ('"IMMUTABLE"', '"MUTABLE"'),
    "rds": ('name  = "rds.force_ssl"\n    value = "1"', 'name  = "rds.force_ssl"\n    value = "0"'),
    "documentdb": ('name  = "tls"\n    value = "enabled"', 'name  = "tls"\n    value = "disabled"'),
    "broker": ('name = var.group, operation = "Read"', 'name = var.group, operation = "Delete"'),
}
POLICIES = {
    "key": ["aws_kms_key.this.policy"],
    "service": ["aws_iam_role.service.assume_role_policy", "aws_iam_role_policy.read_secrets[0].policy"],
    "registry": [
        'aws_iam_role.push["ci"].assume_role_policy',
        'aws_iam_role_policy.push["ci"].policy',
        "aws_ecr_repository_policy.pull[0].policy",
    ],
    "rds": ["aws_iam_role.monitoring.assume_role_policy"],
    "documentdb": [],
    "broker": ["aws_secretsmanager_secret_policy.account.policy", "aws_iam_role_policy.read_account.policy"],
}
LAST = "what_the_policies_are"
SHOWN = {
    "key": """  variables {
    log_groups = ["/aws/rds/a"]
  }
""",
    "service": """  variables {
    operator_role_arn = "arn:aws:iam::123456789012:role/external-secrets"
  }
""",
    "registry": """  variables {
    pushers = {
      ci = {
        oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/git.example.com"
        audience          = "https://git.example.com"
        subjects          = ["project_path:a/b:ref_type:branch:ref:main"]
      }
    }
    puller_role_arns = ["arn:aws:iam::210987654321:role/nodes"]
  }
""",
}
# parliament reads policies of identities: a key's policy speaks of this key as "*", and the conditions of a trust and
# of an encryption context have names it cannot know
NO_FINDING = {
    "key": re.compile(r"RESOURCE_STAR |\w+ .*\bkms:EncryptionContext:aws:logs:arn\b"),
    "trust": re.compile(r"RESOURCE_STAR |UNKNOWN_FEDERATION_SOURCE |UNKNOWN_CONDITION_FOR_ACTION .*example\.com"),
    "repository": re.compile(r"RESOURCE_STAR "),
    "": re.compile(r"(?!)"),
}
OPEN = """  vpc_id      = var.vpc_id
  egress {
    description = "out"
    from_port   = 0
    to_port     = 0
    protocol    = "-1"
    cidr_blocks = ["0.0.0.0/0"]
  }
"""
# check of checkov: the file, and a change of it that the check must find
CHECKS = {
    "CKV_AWS_7": ("modules/key/main.tf", "enable_key_rotation     = true", "enable_key_rotation     = false"),
    "CKV_AWS_16": ("modules/datastore/main.tf", "storage_encrypted     = true", "storage_encrypted     = false"),
    "CKV_AWS_17": ("modules/datastore/main.tf", "publicly_accessible    = false", "publicly_accessible    = true"),
    "CKV_AWS_32": ("registry/main.tf", "Principal = { AWS = sort(var.puller_role_arns) }", 'Principal = "*"'),
    "CKV_AWS_51": ("registry/main.tf", '"IMMUTABLE"', '"MUTABLE"'),
    "CKV_AWS_66": ("modules/documents/main.tf", "  retention_in_days = 365\n", ""),
    "CKV_AWS_74": ("modules/documents/main.tf", "storage_encrypted = true", "storage_encrypted = false"),
    "CKV_AWS_85": ("modules/documents/main.tf", "enabled_cloudwatch_logs_exports = local.logs", ""),
    "CKV_AWS_90": (
        "modules/documents/main.tf",
        'name  = "tls"\n    value = "enabled"',
        'name  = "tls"\n    value = "disabled"',
    ),
    "CKV_AWS_104": (
        "modules/documents/main.tf",
        'name  = "audit_logs"\n    value = "enabled"',
        'name  = "audit_logs"\n    value = "disabled"',
    ),
    "CKV_AWS_129": ("modules/datastore/main.tf", "  enabled_cloudwatch_logs_exports       = local.logs\n", ""),
    "CKV_AWS_133": ("envs/production/datastore.tf", "backup_retention_days     = 35", "backup_retention_days     = 0"),
    "CKV_AWS_136": ("registry/main.tf", 'encryption_type = "KMS"', 'encryption_type = "AES256"'),
    "CKV_AWS_149": ("modules/service/main.tf", "  kms_key_id              = module.key.arn\n", ""),
    "CKV_AWS_157": ("modules/datastore/main.tf", "= var.multi_az", "= false"),
    "CKV_AWS_158": ("modules/datastore/main.tf", "  kms_key_id        = module.key.arn\n", ""),
    "CKV_AWS_163": ("registry/main.tf", "scan_on_push = true", "scan_on_push = false"),
    "CKV_AWS_182": ("modules/documents/main.tf", "  kms_key_id        = module.key.arn\n", ""),
    "CKV_AWS_211": ("modules/datastore/main.tf", '"rds-ca-rsa2048-g1"', '"rds-ca-2019"'),
    "CKV_AWS_226": ("modules/datastore/main.tf", "version_upgrade            = true", "version_upgrade = false"),
    "CKV_AWS_293": ("modules/datastore/main.tf", "= var.deletion_protection", "= false"),
    "CKV_AWS_338": ("modules/documents/main.tf", "  retention_in_days = 365\n", ""),
    "CKV_AWS_353": ("modules/datastore/main.tf", "insights_enabled          = true", "insights_enabled = false"),
    "CKV_AWS_360": ("modules/documents/main.tf", "= var.backup_retention_days", "= 1"),
    "CKV_AWS_382": ("modules/documents/main.tf", "  vpc_id      = var.vpc_id\n", OPEN),
    "CKV2_AWS_69": (
        "modules/datastore/main.tf",
        'name  = "rds.force_ssl"\n    value = "1"',
        'name  = "rds.force_ssl"\n    value = "0"',
    ),
}  # fmt: skip


class Terraform(NamedTuple):
    """A terraform that finds its providers on this machine."""

    environment: dict[str, str]

    def run(self, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
        """Run it in a folder, whose modules are linked first."""
        whole = {**os.environ, **self.environment}
        subprocess.run(["terraform", "get", "-no-color"], cwd=folder, check=True, capture_output=True, env=whole)
        return subprocess.run(
            ["terraform", *words, "-no-color"], cwd=folder, check=False, capture_output=True, text=True, env=whole
        )


def from_module(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], None]) -> Path:
    """Build the folder of a tool from its Go module, once for a test run; skip where it cannot be had."""
    try:
        return once(factory, name, build)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"{name} cannot be built from its Go module: {error.stderr.strip().splitlines()[-1]}")


@pytest.fixture(scope="session")
def aws_provider() -> Path:
    """Give the folder of the AWS provider, or skip."""
    named = os.environ.get("TERRAFORM_MIRROR")
    mirrors = [Path(named)] if named else [Path("/opt"), Path("/usr/share/terraform"), Path.home() / ".terraform.d"]
    found = [
        place.parent for mirror in mirrors for place in mirror.glob("**/hashicorp/aws/*/*/terraform-provider-aws*")
    ]
    if shutil.which("terraform") is None or not found:
        pytest.skip("no terraform, or no mirror of its AWS provider (TERRAFORM_MIRROR): Terraform is not validated")
    return max(found)


@pytest.fixture(scope="session")
def kafka_provider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the Kafka provider, built from its Go module, or skip."""
    if shutil.which("go") is None:
        pytest.skip("Go is not installed: the Kafka provider of Terraform is not built")

    def build(place: Path) -> None:
        shown = subprocess.run(["go", "mod", "download", "-json", KAFKA], check=True, capture_output=True, text=True)
        source = json.loads(shown.stdout)["Dir"]
        words = ["go", "build", "-o", str(place / "terraform-provider-kafka_v0.13.1"), "."]
        subprocess.run(words, cwd=source, check=True, capture_output=True, text=True)

    return from_module(tmp_path_factory, "kafka-provider", build)


def configured(factory: pytest.TempPathFactory, providers: dict[str, Path]) -> Terraform:
    """Give a terraform that takes providers from these folders, and no others."""
    config = factory.mktemp("terraform") / "config"
    overrides = "".join(f'    "{name}" = "{folder}"\n' for name, folder in providers.items())
    config.write_text(f"provider_installation {{\n  dev_overrides {{\n{overrides}  }}\n}}\n", encoding="utf-8")
    return Terraform({"TF_CLI_CONFIG_FILE": str(config), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"})


@pytest.fixture(scope="session")
def terraform(aws_provider: Path, tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """Give a terraform for AWS."""
    return configured(tmp_path_factory, {"hashicorp/aws": aws_provider})


@pytest.fixture
def terraform_for(
    aws_provider: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[[Answers], Terraform]:
    """Give a function that gives a terraform with the providers that the answers need."""

    def give(answers: Answers) -> Terraform:
        providers = {"hashicorp/aws": aws_provider}
        if answers.get("broker", "kafka") == "kafka":
            providers["Mongey/kafka"] = request.getfixturevalue("kafka_provider")
        return configured(tmp_path_factory, providers)

    return give


@pytest.fixture
def tree(services: Render, tmp_path: Path) -> Callable[[Answers], Path]:
    """Give a function that gives a copy of a service's Terraform."""
    return lambda answers: Path(shutil.copytree(services(answers) / "infra/terraform", tmp_path / "terraform"))


def uvx(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of PyPI in an environment of its own."""
    return subprocess.run(
        ["uv", "tool", "run", "--quiet", "--python", sys.executable, *words],
        check=False,
        capture_output=True,
        text=True,
    )


def change(root: Path, path: str, before: str, after: str) -> None:
    """Replace text in a file; it must be there."""
    file = root / path
    text = file.read_text(encoding="utf-8")
    assert before in text, f"{path} has no {before}"
    file.write_text(text.replace(before, after), encoding="utf-8")


def with_policies_shown(root: Path, name: str) -> None:
    """Add a run to the tests of a module that fails, and says what the module's policies are."""
    place, _ = MODULES[name]
    sources = "".join(path.read_text(encoding="utf-8") for path in sorted((root / place).glob("*.tf")))
    written = re.findall(
        r"^ +(?:assume_role_)?policy += jsonencode\(local|assume_role_policy = jsonencode", sources, re.MULTILINE
    )
    assert len(written) == len(POLICIES[name]), f"the policies of {name} are not all in the list of this test"
    if not written:
        return
    tests = next((root / place / "tests").iterdir())
    text = tests.read_text(encoding="utf-8")
    shown = f"[{', '.join(POLICIES[name])}]"
    check = f"condition = length(jsonencode({shown})) == 0\nerror_message = jsonencode({shown})"
    text += f'\nrun "{LAST}" {{\n{SHOWN.get(name, "")}assert {{\n{check}\n}}\n}}\n'
    tests.write_text(text, encoding="utf-8")


def kind_of(address: str) -> str:
    """Tell what a policy is attached to, when that is no identity."""
    if address.endswith(".assume_role_policy"):
        return "trust"
    return next((kind for kind in ("key", "repository") if f"_{kind}" in address.split(".", maxsplit=1)[0]), "")


def unsound(found: dict[str, dict[str, Any]], place: Path) -> list[str]:
    """Give what parliament holds against policies, but what it cannot know of those on resources."""
    kinds: dict[str, str] = {}
    for number, (address, policy) in enumerate(found.items()):
        kind = kinds[f"{number}.json"] = kind_of(address)
        whole = {"Resource": "*"} if kind in ("trust", "repository") else {}
        text = json.dumps({**policy, "Statement": [{**whole, **one} for one in policy["Statement"]]})
        (place / f"{number}.json").write_text(text, encoding="utf-8")
    done = uvx(*PARLIAMENT, "--directory", str(place), "--json")
    assert done.returncode in (0, 1), done.stderr
    issues = [json.loads(line) for line in done.stdout.splitlines()]
    said = [
        (f"{issue['issue']} {issue['detail']}", kinds[Path(issue["location"]["filepath"]).name]) for issue in issues
    ]
    return [text for text, kind in said if not NO_FINDING[kind].match(text)]


def failed_checks(root: Path) -> set[str]:
    """Give the checks of the list that checkov says have failed, or did not look at anything."""
    done = uvx(
        *CHECKOV, "-d", str(root), "--framework", "terraform", "--output", "json", "--skip-path", "envs/dev",
        "--skip-path", "envs/staging", "--check", ",".join(CHECKS), "--skip-download",
    )  # fmt: skip
    results = json.loads(done.stdout)["results"]
    seen = {one["check_id"] for one in [*results["passed_checks"], *results["failed_checks"]]}
    return {one["check_id"] for one in results["failed_checks"]} | (set(CHECKS) - seen)


@pytest.fixture
def both(services: Render, tmp_path: Path) -> Path:
    """Give the Terraform of a service with both datastores: DocumentDB beside RDS."""
    root = Path(shutil.copytree(services(datastore="postgresql") / "infra/terraform", tmp_path / "terraform"))
    shutil.copytree(services(datastore="mongodb") / "infra/terraform/modules/datastore", root / "modules/documents")
    return root


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed: its format is not checked")
@pytest.mark.parametrize("answers", EACH_CHOICE, ids=lambda answers: answers["datastore"])
def test_terraform_files_are_formatted(answers: Answers, services: Render) -> None:
    service = services(answers, project_slug="a-rather-long-slug-for-one")

    done = subprocess.run(
        ["terraform", "fmt", "-recursive", "-check", "-diff", "infra"],
        cwd=service,
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("environment", ENVIRONMENTS)
@pytest.mark.parametrize("answers", EACH_CHOICE, ids=lambda answers: answers["datastore"])
def test_each_environment_fits_the_modules(
    environment: str,
    answers: Answers,
    tree: Callable[[Answers], Path],
    terraform_for: Callable[[Answers], Terraform],
) -> None:
    done = terraform_for(answers).run("validate", folder=tree(answers) / "envs" / environment)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_an_environment_with_a_wrong_input_does_not_fit(tree: Callable[[Answers], Path], terraform: Terraform) -> None:
    root = tree({"broker": "none"})
    change(root, "envs/dev/main.tf", "secret_readers ", "secret_reader  ")

    done = terraform.run("validate", folder=root / "envs/dev")

    assert done.returncode == 1
    assert "secret_reader" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_a_module_keeps_its_promises_and_its_policies_name_actions_that_exist(
    name: str, tree: Callable[[Answers], Path], terraform_for: Callable[[Answers], Terraform], tmp_path: Path
) -> None:
    place, answers = MODULES[name]
    root = tree(answers)
    with_policies_shown(root, name)
    (tmp_path / "policies").mkdir()

    done = terraform_for(answers).run("test", "-json", folder=root / place)

    events = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    runs = [event["test_run"] for event in events if event["type"] == "test_run"]
    status = {run["run"]: run["status"] for run in runs if run["progress"] == "complete"}
    said = [event["diagnostic"] for event in events if event["type"] == "diagnostic"]
    shown = json.loads(said[-1]["detail"]) if POLICIES[name] else []
    found = {address: json.loads(text) for address, text in zip(POLICIES[name], shown, strict=True)}
    assert [run for run, how in status.items() if how != "pass"] == ([LAST] if found else []), said
    assert unsound(found, tmp_path / "policies") == []


@pytest.mark.slow
@pytest.mark.parametrize("name", MODULES)
def test_the_tests_of_a_module_catch_a_planted_defect(
    name: str, tree: Callable[[Answers], Path], terraform_for: Callable[[Answers], Terraform]
) -> None:
    place, answers = MODULES[name]
    root = tree(answers)
    change(root, f"{place}/main.tf", *DEFECTS[name])

    done = terraform_for(answers).run("test", folder=root / place)

    assert done.returncode == 1
    assert "Test assertion failed" in done.stderr


@pytest.mark.slow
def test_parliament_knows_an_action_that_does_not_exist(tmp_path: Path) -> None:
    statement = {"Effect": "Allow", "Action": ["s3:GetObjct"], "Resource": ["arn:aws:s3:::a/*"]}

    found = unsound({"a.policy": {"Version": "2012-10-17", "Statement": [statement]}}, tmp_path)

    assert len(found) == 1
    assert "UNKNOWN_ACTION" in found[0]


@pytest.mark.slow
def test_checkov_finds_nothing_of_its_list(both: Path) -> None:
    assert failed_checks(both) == set()


@pytest.mark.slow
def test_each_check_of_checkov_finds_its_planted_defect(both: Path) -> None:
    for path, before, after in dict.fromkeys(CHECKS.values()):
        change(both, path, before, after)

    found = failed_checks(both)

    assert found == set(CHECKS)


@pytest.mark.slow
def test_tflint_finds_nothing_but_what_was_planted(both: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    if shutil.which("go") is None:
        pytest.skip("Go is not installed: tflint is not built")

    def build(place: Path) -> None:
        install = ["go", "install", TFLINT]
        environment = {**os.environ, "GOBIN": str(place)}
        subprocess.run(install, check=True, capture_output=True, text=True, env=environment)

    tool = from_module(tmp_path_factory, "tflint", build) / "tflint"
    rules = both.parent / "rules.hcl"
    rules.write_text('plugin "terraform" {\n  enabled = true\n  preset  = "all"\n}\n', encoding="utf-8")
    folders = [*(both / "modules").iterdir(), both / "registry", *(both / "envs").iterdir()]

    def lint(folder: Path) -> list[str]:
        command = [str(tool), "--format=json", f"--chdir={folder}", f"--config={rules}"]
        ignored = ["--disable-rule=terraform_standard_module_structure"]
        done = subprocess.run([*command, *ignored], check=False, capture_output=True, text=True)
        report = json.loads(done.stdout)
        assert report["errors"] == [], report
        return [f"{folder.name}: {one['rule']['name']}: {one['message']}" for one in report["issues"]]

    clean = [issue for folder in folders for issue in lint(folder)]
    (both / "registry/more.tf").write_text('variable "unused" {\n  default = 1\n}\n', encoding="utf-8")

    planted = " ".join(lint(both / "registry"))

    assert clean == []
    assert "terraform_unused_declarations" in planted
    assert "terraform_typed_variables" in planted
    assert "terraform_documented_variables" in planted


@pytest.mark.slow
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_made_before_fits_the_modules_of_today(
    environment: str, tree: Callable[[Answers], Path], terraform: Terraform
) -> None:
    root = tree({"broker": "none"})
    shutil.rmtree(root / "envs")
    (root / "envs" / environment).mkdir(parents=True)
    before = (BEFORE / "env.tf").read_text(encoding="utf-8").replace("dev", environment)
    (root / "envs" / environment / "main.tf").write_text(before, encoding="utf-8")

    done = terraform.run("validate", folder=root / "envs" / environment)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_nothing_that_exists_is_destroyed_by_the_modules_of_today(
    tree: Callable[[Answers], Path], terraform: Terraform
) -> None:
    root = tree({"broker": "none"})
    shutil.copytree(BEFORE / "service", root / "before")
    (root / "tests").mkdir()
    shutil.copy(BEFORE / "moves.tftest.hcl", root / "tests")

    done = terraform.run("test", "-verbose", folder=root)

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    assert "Plan: 0 to add, 3 to change, 0 to destroy." in done.stdout
    for moved in (
        "aws_ecr_repository.service has moved to",
        "aws_kms_key.service",
        "aws_kms_alias.service has moved to",
    ):
        assert moved in done.stdout


# bin/infra, with a fake terraform

PLANNED = "  # aws_kms_key.this will be updated in-place\n"
LOST = "  # aws_db_instance.datastore must be replaced\n  # aws_kms_key.this will be destroyed\n"
INIT = "terraform -chdir=./infra/terraform/envs/dev init -input=false -no-color"
SHOW = "terraform -chdir=./infra/terraform/envs/dev show -no-color ./build/plan-dev.tfplan"
PLAN = (
    "terraform -chdir=./infra/terraform/envs/dev plan -input=false -no-color -lock-timeout=5m "
    "-out=./build/plan-dev.tfplan"
)
APPLY = (
    "terraform -chdir=./infra/terraform/envs/dev apply -input=false -no-color -lock-timeout=5m ./build/plan-dev.tfplan"
)


@pytest.fixture
def bench(own_copy: Render, tmp_path: Path) -> Bench:
    """Give a bench with a terraform that plans one change."""
    made = Bench(own_copy(broker="none"), tmp_path)
    made.tool("terraform", Answer("*show*", says=PLANNED))
    return made


def planned(bench: Bench, environment: str = "dev", text: str = PLANNED) -> Path:
    """Leave a saved plan, and a terraform that shows it."""
    bench.tool("terraform", Answer("*show*", says=text))
    plan = bench.service / f"build/plan-{environment}.tfplan"
    plan.parent.mkdir(exist_ok=True)
    plan.write_text("a plan", encoding="utf-8")
    return plan


def test_a_plan_is_saved_and_can_be_read(bench: Bench) -> None:
    done = bench.run("infra", "-e", "dev", STATE_BUCKET="states", STATE_REGION="eu-west-1")

    state = "-backend-config=bucket=states -backend-config=region=eu-west-1"
    text = bench.service / "build/plan-dev.txt"
    assert done.returncode == 0, done.stderr
    assert bench.called() == [f"{INIT} {state}", PLAN, SHOW]
    assert text.read_text(encoding="utf-8") == PLANNED
    assert text.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("summary", "counts"),
    [
        ("Plan: 3 to add, 1 to change, 12 to destroy.\n", {"create": 3, "update": 1, "delete": 12}),
        ("Plan: 2 to import, 0 to add, 1 to change, 0 to destroy.\n", {"create": 0, "update": 1, "delete": 0}),
        ("No changes. Your infrastructure matches the configuration.\n", {"create": 0, "update": 0, "delete": 0}),
    ],
    ids=["changes", "imports", "nothing"],
)
def test_a_plan_for_a_review_reads_alone_and_leaves_nothing_to_apply(
    summary: str, counts: dict[str, int], bench: Bench
) -> None:
    saved = planned(bench, text=PLANNED + summary)

    done = bench.run("infra", "-e", "dev", "-r")

    assert done.returncode == 0, done.stderr
    assert bench.called() == [INIT, PLAN.replace("-lock-timeout=5m", "-lock=false -refresh=false"), SHOW]
    assert not saved.exists()
    assert (bench.service / "build/plan-dev.txt").read_text(encoding="utf-8") == PLANNED + summary
    assert json.loads((bench.service / "build/plan-dev.json").read_text(encoding="utf-8")) == counts


@pytest.mark.parametrize(("words", "left"), [((), True), (("-r",), False)], ids=["by hand", "for a review"])
def test_a_review_that_fails_leaves_nothing_to_apply(words: tuple[str, ...], bench: Bench, *, left: bool) -> None:
    saves = 'for one; do case $one in -out=*) : >"${one#-out=}" ;; esac; done'
    bench.tool("terraform", Answer("*-out=*", body=saves))

    done = bench.run("infra", "-e", "dev", *words, fail_at=3)

    assert done.returncode == 9
    assert (bench.service / "build/plan-dev.tfplan").exists() is left


@pytest.mark.parametrize(("path", "calls"), [("infra/terraform/envs/dev/main.tf", 3), ("README.md", 0)], ids=str)
def test_a_review_since_a_branch_plans_only_what_changed_under_infra(path: str, calls: int, bench: Bench) -> None:
    git(bench.service, "init", "-q", "-b", "main")
    commit_all(bench.service, "feat: launch orders")
    git(bench.service, "switch", "-q", "-c", "change")
    with (bench.service / path).open("a", encoding="utf-8") as stream:
        stream.write("\n")
    commit_all(bench.service, "feat: change a file")

    done = bench.run("infra", "-e", "dev", "-r", "-s", "main")

    assert done.returncode == 0, done.stderr
    assert len(bench.called()) == calls
    assert ("nothing under infra changed since main" in done.stdout) is (calls == 0)


def test_a_review_since_a_branch_that_is_not_here_is_refused(bench: Bench) -> None:
    git(bench.service, "init", "-q", "-b", "main")

    done = bench.run("infra", "-e", "dev", "-r", "-s", "origin/gone")

    assert done.returncode == 2
    assert "-s 'origin/gone' is no commit that is here" in done.stderr
    assert bench.called() == []


def test_a_file_beside_the_environment_names_the_bucket(bench: Bench) -> None:
    (bench.service / "infra/terraform/registry/backend.hcl").write_text('bucket = "states"\n', encoding="utf-8")

    done = bench.run("infra", "-e", "registry", STATE_BUCKET="another")

    first = "terraform -chdir=./infra/terraform/registry init -input=false -no-color -backend-config=backend.hcl"
    assert done.returncode == 0, done.stderr
    assert bench.called()[0] == first


def test_the_plan_that_was_saved_is_applied_once(bench: Bench) -> None:
    plan = planned(bench)

    first = bench.run("infra", "-e", "dev", "-a")
    calls = bench.called()
    second = bench.run("infra", "-e", "dev", "-a")

    assert first.returncode == 0, first.stderr
    assert calls == [INIT, SHOW, APPLY]
    assert not plan.exists()
    assert second.returncode == 1
    assert "build/plan-dev.tfplan is missing" in second.stderr


def test_a_plan_that_destroys_is_refused_until_told(bench: Bench) -> None:
    planned(bench, text=PLANNED + LOST)

    refused = bench.run("infra", "-e", "dev", "-a")
    calls = bench.called()
    told = bench.run("infra", "-e", "dev", "-a", "-d")

    assert refused.returncode == 1
    assert "aws_db_instance.datastore must be replaced" in refused.stderr
    assert "aws_kms_key.this will be destroyed" in refused.stderr
    assert "updated in-place" not in refused.stderr
    assert APPLY not in calls
    assert told.returncode == 0, told.stderr


@pytest.mark.parametrize("environment", ["production", "registry"])
@pytest.mark.parametrize(
    ("words", "ci", "typed", "status"),
    [
        ((), "", None, 1),
        (("-y",), "", None, 1),
        (("-y",), "true", None, 0),
        ((), "", "production\norders-service\n", 0),
        ((), "", "production\nanother\n", 1),
    ],
    ids=["nobody to ask", "consent of nobody", "consent of a pipeline", "the right words", "another word"],
)
def test_what_all_users_depend_on_is_applied_with_consent_alone(
    environment: str, words: tuple[str, ...], ci: str, typed: str | None, bench: Bench, *, status: int
) -> None:
    planned(bench, environment)

    done = bench.run("infra", "-e", environment, "-a", *words, typed=typed, CI=ci)

    applied = [call for call in bench.called() if " apply " in call]
    assert done.returncode == status, done.stderr
    assert len(applied) == (1 if status == 0 else 0)


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_failure_in_the_middle_of_a_plan_ends_it(call: int, bench: Bench) -> None:
    done = bench.run("infra", "-e", "dev", fail_at=call)

    assert done.returncode == 9
    assert len(bench.called()) == call
    assert "read build/plan-dev.txt" not in done.stdout


def test_a_plan_that_could_not_be_applied_stays(bench: Bench) -> None:
    plan = planned(bench)

    done = bench.run("infra", "-e", "dev", "-a", fail_at=3)

    assert done.returncode == 9
    assert plan.exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "-e is missing"),
        (("-e", "qa"), "environment 'qa' is not dev, staging or production"),
        (("-e", "dev", "-d"), "-d goes with -a"),
        (("-t", "-e", "dev"), "-t stands alone"),
        (("-t", "-r"), "-t stands alone"),
        (("-e", "dev", "-a", "-r"), "-r plans and never applies"),
        (("-e", "dev", "-s", "main"), "-s goes with -r"),
        (("-e", "dev", "more"), "argument 'more' is one too many"),
        (("-e",), "-e needs a value"),
        (("-Z",), "-Z is not an option"),
    ],
    ids=str,
)
def test_wrong_words_end_with_2_and_one_line(words: tuple[str, ...], says: str, bench: Bench) -> None:
    done = bench.run("infra", *words)

    assert done.returncode == 2
    assert says in done.stderr
    assert done.stderr.count("\n") == 1
    assert bench.called() == []


def test_a_bucket_needs_its_region(bench: Bench) -> None:
    done = bench.run("infra", "-e", "dev", STATE_BUCKET="states")

    assert done.returncode == 2
    assert "STATE_REGION is not set" in done.stderr


def test_every_folder_is_tested_in_a_copy(bench: Bench) -> None:
    bench.tool("terraform")

    done = bench.run("infra", "-t")

    tested = [call.split("/", 2)[-1] for call in bench.called() if " test " in call or " validate " in call]
    assert done.returncode == 0, done.stderr
    assert bench.called()[0] == "terraform -chdir=./infra fmt -check -diff -recursive"
    assert tested == [
        "modules/datastore test -no-color",
        "modules/key test -no-color",
        "modules/service test -no-color",
        "registry test -no-color",
        "envs/dev validate -no-color",
        "envs/production validate -no-color",
        "envs/staging validate -no-color",
    ]
    assert bench.left() == []


def test_an_interrupt_leaves_no_copy_behind(bench: Bench) -> None:
    done = bench.interrupt("infra", "-t", hang_at=3, group=True)

    assert done.returncode == 143
    assert bench.left() == []


def test_help_tells_how_to_call_it(bench: Bench) -> None:
    done = bench.run("infra", "-h")

    assert done.returncode == 0
    assert "usage: bin/infra -e ENVIRONMENT" in done.stdout
