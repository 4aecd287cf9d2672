"""Defects of Terraform, one at a time: the check that must name each, where, and a word of the message."""

from __future__ import annotations

from tests.contract.planting import Defect, add, replace

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
]
