"""Defects of Terraform, one at a time: the check that must name each, where, and a word of the message."""

from __future__ import annotations

from tests.contract.planting import Defect, add, replace, write

ROOT = "infra/terraform"
DEV = f"{ROOT}/envs/dev/main.tf"
PRODUCTION = f"{ROOT}/envs/production/datastore.tf"
SERVICE = f"{ROOT}/modules/service/main.tf"
KEY = f"{ROOT}/modules/key/main.tf"
KEYS = f"{ROOT}/modules/key/versions.tf"
STORE = f"{ROOT}/modules/datastore/main.tf"
INPUTS = f"{ROOT}/modules/broker/variables.tf"
SHOWN = f"{ROOT}/modules/broker/outputs.tf"
IMAGES = f"{ROOT}/registry/main.tf"
STATE = f"{ROOT}/registry/versions.tf"
GROUP = 'resource "aws_security_group" "open" {\n  ingress {\n    cidr_blocks = ["0.0.0.0/0"]\n  }\n}\n'
RULE = 'resource "aws_vpc_security_group_ingress_rule" "open" {\n  cidr_ipv6 = "::/0"\n}\n'
RANDOM = 'resource "random_id" "a" {}\n'
ACCOUNT = 'locals {\n  a = "arn:aws:iam::123456789012:role/a"\n}\n'
KEY_ID = f'locals {{\n  a = "AKIA{"A" * 16}"\n}}\n'
DOCUMENT = """data "aws_iam_policy_document" "a" {
  statement {
    actions   = ["s3:GetObject"]
    resources = ["*"]
  }
}
"""


ENV = f"{ROOT}/envs/dev"
EVENTS = f"{ROOT}/modules/broker/main.tf"
WHO = f"{ROOT}/modules/service/variables.tf"
KEYLESS = 'resource "aws_secretsmanager_secret" "a" {\n  name = "a"\n}\n'
FULL = 'locals {\n  a = "arn:aws:iam::aws:policy/AdministratorAccess"\n}\n'
OUT = 'resource "aws_vpc_security_group_egress_rule" "a" {\n  cidr_ipv4   = "0.0.0.0/0"\n  ip_protocol = "-1"\n}\n'
RUN = 'resource "aws_kms_alias" "a" {\n  provisioner "local-exec" {\n    command = "a"\n  }\n}\n'
LEFT = 'resource "aws_kms_alias" "a" {\n  lifecycle {\n    ignore_changes = all\n  }\n}\n'
REMOTE = 'module "a" {\n  source = "git::https://git.example.com/a/b.git//c?ref=main"\n}\n'


def planted(check: str, path: str, text: str, word: str, *, where: str = "") -> Defect:
    """Add text to a file, and expect the finding there, or where it is said."""
    return Defect(check, add(path, text), where or path, word)


def changed(check: str, path: str, pattern: str, text: str, word: str, *, where: str = "") -> Defect:
    """Change a file, and expect the finding there, or where it is said."""
    return Defect(check, replace(path, pattern, text), where or path, word)


def output(value: str) -> str:
    """Write an output."""
    return f'output "a" {{\n  description = "a"\n  value       = {value}\n}}\n'


def policy(inside: str) -> str:
    """Write a policy with a statement."""
    return f'locals {{\n  a = {{ Statement = [{{ Sid = "Planted", Effect = "Allow", {inside} }}] }}\n}}\n'


TERRAFORM = [
    planted("TER001", DEV, 'resource "a" "b" {\n', "not closed"),
    planted("TER001", DEV, "locals {\n  a = [1)\n}\n", "closes something else"),
    planted("TER001", DEV, "}\n", "closes nothing"),
    planted("TER001", DEV, "nothing\n", "neither = nor a block"),
    changed("TER002", DEV, r"^ +encrypt .*\n", "", "encrypt = true"),
    changed("TER002", DEV, r"use_lockfile = true", "use_lockfile = false", "use_lockfile = true"),
    changed("TER002", DEV, r'backend "s3"', 'backend "local"', "backend local"),
    changed("TER002", STATE, r'  backend "s3" \{[^}]*\}\n', "", "names no backend", where=IMAGES),
    changed("TER003", DEV, r"/dev/terraform", "/staging/terraform", "is the state of 2 folders"),
    changed("TER003", DEV, r"/dev/terraform", "/test/terraform", "does not name dev"),
    changed("TER004", KEYS, r"^ +required_version.*\n", "", "no required_version"),
    changed("TER004", f"{ROOT}/envs/dev/versions.tf", r'^ +version = "~> 0.*\n', "", "kafka", where=DEV),
    planted("TER004", KEY, RANDOM, "the provider random", where=KEYS),
    planted("TER005", DEV, 'locals {\n  a = "123456789012"\n}\n', "123456789012"),
    planted("TER005", DEV, ACCOUNT, "is an id"),
    planted("TER005", DEV, 'locals {\n  a = ["subnet-0a1b2c3d4e5f"]\n}\n', "subnet-0a1b2c3d4e5f"),
    planted("TER006", STORE, 'locals {\n  master_password = "letmein-please"\n}\n', "is a literal"),
    planted("TER006", STORE, KEY_ID, "holds a key"),
    changed("TER006", INPUTS, r"^  ephemeral .*\n  sensitive .*\n", "", "is not sensitive"),
    changed("TER006", INPUTS, r"^  ephemeral .*\n", '  default     = "a"\n', "has a default"),
    planted("TER006", SHOWN, output("var.password"), "shows a secret"),
    planted("TER006", STORE, output("aws_docdb_cluster.datastore.master_password"), "not sensitive"),
    planted("TER007", SERVICE, policy('Action = ["s3:*"], Resource = [local.a]'), 'the action "s3:*"'),
    planted("TER007", SERVICE, policy('Action = "*", Resource = [local.a]'), 'the action "*"'),
    planted("TER007", SERVICE, policy('Action = ["s3:GetObject"], Resource = "*"'), "Planted is for every resource"),
    planted("TER007", SERVICE, policy('Action = "s3:GetObject", Principal = "*"'), "anybody"),
    planted("TER007", SERVICE, policy('NotAction = ["iam:PassRole"], Resource = local.b'), "every action but some"),
    planted("TER007", SERVICE, DOCUMENT, "is for every resource"),
    changed("TER007", IMAGES, r'"ecr:PutImage"', '"ecr:*"', "ecr:*"),
    changed("TER007", IMAGES, r"\[aws_ecr_repository.service.arn\]", '"*"', "PushToOneRepository"),
    changed("TER008", STORE, r"storage_encrypted = true", "storage_encrypted = false", "storage_encrypted = true"),
    changed("TER008", STORE, r"skip_final_snapshot +=.*$", "skip_final_snapshot = true", "skip_final_snapshot"),
    changed("TER008", STORE, r"^ +deletion_protection .*\n", "", "deletion_protection"),
    changed("TER008", STORE, r"^ +backup_retention_period .*\n", "", "backup_retention_period"),
    changed("TER008", STORE, r"manage_master_user_password = true", "master_password = var.a", "in no state"),
    changed("TER008", STORE, r"storage_encrypted = true", "publicly_accessible = true", "publicly_accessible"),
    changed("TER008", PRODUCTION, r"instances +=.*$", "deletion_protection = false", "off in production"),
    planted("TER009", STORE, GROUP, "aws_security_group.open lets every address in"),
    planted("TER009", STORE, RULE, "aws_vpc_security_group_ingress_rule.open lets every address in"),
    changed("TER010", IMAGES, '"IMMUTABLE"', '"MUTABLE"', "tags that can be moved"),
    changed("TER010", IMAGES, r"scan_on_push = true", "scan_on_push = false", "does not scan"),
    changed("TER010", KEY, r"enable_key_rotation +=.*$", "enable_key_rotation = false", "does not rotate"),
    planted("TER011", DEV, 'variable "a" {\n  type = string\n}\n', "variable a has no description"),
    planted("TER011", DEV, 'variable "a" {\n  description = "a"\n}\n', "variable a has no type"),
    planted("TER011", DEV, 'output "a" {\n  value = 1\n}\n', "output a has no description"),
    changed("TER012", DEV, r"\.\./\.\./modules/service", "../../modules/servise", "there is no"),
    changed("TER012", DEV, r"^ +environment +=.*\n(?=  oidc)", "", "does not give environment"),
    changed("TER012", DEV, r"secret_readers ", "secret_reader ", "has no variable secret_reader"),
    planted("TER012", DEV, 'module "a" {\n}\n', "has no source"),
    changed("TER013", DEV, r"^ +team .*\n", "", "default tag team"),
    Defect(
        "TER006",
        write(f"{ENV}/terraform.tfvars", 'vpc_id = "vpc-0a1b2c3d"\ndb_password = "a-secret"\n'),
        f"{ENV}/terraform.tfvars",
        "db_password is a literal",
    ),
    changed("TER014", DEV, r"region = var\.region", "region = var.regoin", "var.regoin is not declared"),
    changed("TER014", DEV, r"= local\.service$", "= local.servise", "local.servise is not declared"),
    changed("TER014", f"{ENV}/broker.tf", r"module\.service\.role_name", "module.service.role", "no output role"),
    changed(
        "TER014", f"{ENV}/broker.tf", r"module\.service\.role_name", "module.servise.role", "module.servise is not"
    ),
    changed(
        "TER014", SERVICE, r"aws_iam_role\.service\.id", "aws_iam_role.services.id", "aws_iam_role.services is not"
    ),
    changed(
        "TER014", SERVICE, r"data\.aws_region\.current\.id", "data.aws_region.here.id", "data.aws_region.here is not"
    ),
    planted("TER014", SERVICE, 'locals {\n  a = "x-${var.nobody}"\n}\n', "var.nobody is not declared"),
    changed("TER015", SERVICE, r'^ +"\$\{issuer\}:aud" = .*\n', "", "for any audience"),
    changed("TER015", SERVICE, r"StringEquals = \{$", "StringLike = {", "for any audience"),
    changed("TER015", SERVICE, r'^ +"\$\{issuer\}:sub" = .*\n', "", "any subject"),
    changed("TER015", SERVICE, r"serviceaccount:\$\{local\.name\}", "serviceaccount:*", "by a wildcard"),
    changed("TER015", KEY, r"\{ AWS = local\.root \}", '{ AWS = "*" }', "anybody"),
    changed(
        "TER015",
        SERVICE,
        r"\[for secret in aws_secretsmanager_secret\.service : secret\.arn\]",
        '["arn:aws:secretsmanager:*:*:secret:*"]',
        "every resource of a kind",
    ),
    changed("TER015", SERVICE, r'^ +Condition = \{ StringEquals = \{ "kms:Via.*\n', "", "kms:ViaService"),
    changed("TER015", IMAGES, r"^ +StringEquals = \{ .*:aud.*\n", "", "for any audience"),
    planted("TER015", SERVICE, FULL, "AdministratorAccess"),
    changed("TER015", DEV, r'\["secrets"\]', '["default"]', "the account that every pod has"),
    changed(
        "TER016", DEV, r'environment = "dev"', 'environment = "staging"', "environment is staging in the folder of dev"
    ),
    changed("TER016", DEV, r"region = var\.region", 'region = "eu-west-1"', "a literal region"),
    changed("TER016", KEYS, r">= 5\.100, < 7\.0", ">= 5.100", "may be any version"),
    planted("TER016", DEV, REMOTE, "another one tomorrow"),
    changed("TER017", STORE, r"^  kms_key_id        = .*\n", "", "no kms_key_id"),
    changed("TER017", STORE, r"^ +enabled_cloudwatch_logs_exports .*\n", "", "sends its logs nowhere"),
    changed(
        "TER017", STORE, r'name  = "tls"\n +value = "enabled"', 'name  = "tls"\n    value = "disabled"', "without TLS"
    ),
    changed("TER017", STORE, r"retention_in_days = 365", "retention_in_days = 1", "keeps logs for 1"),
    changed("TER017", STORE, r"^ +retention_in_days = .*\n", "", "keeps logs for ever"),
    changed("TER017", STORE, r"from_port +=.*$", "from_port = 0", "opens the ports 0 to 27017"),
    changed("TER017", STORE, r"from_port .*\n +to_port .*", "from_port = 1\n  to_port   = 1", "opens port 1"),
    planted("TER017", STORE, OUT, "lets everything out"),
    planted("TER017", STORE, RUN, "runs a command"),
    planted("TER017", STORE, LEFT, "ignores every change"),
    planted("TER017", STORE, KEYLESS, "no kms_key_id"),
    planted("TER017", STORE, 'resource "aws_db_instance" "a" {\n  multi_az = false\n}\n', "has no standby"),
    changed("TER017", KEY, r"deletion_window_in_days = 30", "deletion_window_in_days = 7", "gone after 7 days"),
    changed("TER017", IMAGES, r"force_delete +=.*", "force_delete = true", "force_delete"),
    changed("TER017", IMAGES, r'encryption_type = "KMS"', 'encryption_type = "AES256"', "not encrypted with a key"),
    changed(
        "TER017",
        IMAGES,
        r'"sinceImagePushed", countUnit = "days", countNumber = var\.keep_days',
        '"imageCountMoreThan", countNumber = 5',
        "keeps the last 5 images",
    ),
    changed("TER017", EVENTS, r"recovery_window_in_days = 7", "recovery_window_in_days = 0", "brought back"),
    changed("TER017", EVENTS, r"block_public_policy = true", "block_public_policy = false", "made public"),
    changed("TER017", EVENTS, r"secret_string_wo  ", "secret_string", "in the state"),
    changed("TER017", PRODUCTION, r"backup_retention_days +=.*$", "backup_retention_days = 3", "for 3 days"),
    changed("TER018", EVENTS, r"replication_factor = 3", "replication_factor = 1", "too few copies"),
    changed("TER018", EVENTS, r'(?<=replicas"            = )"2"', '"1"', "what one broker has"),
    changed("TER018", EVENTS, r'(?<=replicas"            = )"2"', '"3"', "stops with the first broker"),
    changed("TER018", EVENTS, r'(?<=enable" = )"false"', '"true"', "lacks events"),
    changed("TER018", EVENTS, r"resource_name +=.*$", 'resource_name = "*"', "is for every"),
    changed("TER018", EVENTS, r'operation = "Write"', 'operation = "All"', "every operation"),
    changed("TER018", f"{ENV}/broker.tf", r"tls_enabled +=.*$", "tls_enabled = false", "without TLS"),
    changed("TER018", f"{ENV}/broker.tf", r"group +=.*$", 'group = "*"', "group is *"),
    Defect("TER019", write(f"{ROOT}/modules/key/tests/key.tftest.hcl", ""), KEY, "has no test"),
    changed("TER019", WHO, r"contains\(\[.*$", "true", "does not look at it"),
]
