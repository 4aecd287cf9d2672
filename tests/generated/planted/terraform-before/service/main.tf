# What the service needs from the cloud in one environment: an image repository, a key, a secret without a value, and
# an identity that may read that secret and nothing else.

locals {
  name         = "${var.service}-${var.environment}"
  oidc_issuer  = split("oidc-provider/", var.oidc_provider_arn)[1]
  secret_names = ["database-url"]
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_iam_policy_document" "key" {
  statement {
    sid       = "AccountAdministersTheKey"
    actions   = ["kms:*"]
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root"]
    }
  }
}

resource "aws_kms_key" "service" {
  description             = "Encrypts the images and secrets of ${local.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = data.aws_iam_policy_document.key.json
}

resource "aws_kms_alias" "service" {
  name          = "alias/${local.name}"
  target_key_id = aws_kms_key.service.key_id
}

resource "aws_ecr_repository" "service" {
  name                 = "${var.environment}/${var.service}"
  image_tag_mutability = "IMMUTABLE"

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = aws_kms_key.service.arn
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "service" {
  repository = aws_ecr_repository.service.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep the last hundred images, far more than any rollback needs"
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 100 }
      action       = { type = "expire" }
    }]
  })
}

resource "aws_secretsmanager_secret" "service" {
  for_each = toset(local.secret_names)

  name                    = "${local.name}/${each.key}"
  description             = "Set by its owner, never by Terraform"
  kms_key_id              = aws_kms_key.service.arn
  recovery_window_in_days = var.secret_recovery_days
}

data "aws_iam_policy_document" "trust" {
  statement {
    sid     = "PodsOfThisServiceOnly"
    actions = ["sts:AssumeRoleWithWebIdentity"]

    principals {
      type        = "Federated"
      identifiers = [var.oidc_provider_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.oidc_issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "${local.oidc_issuer}:sub"
      values   = ["system:serviceaccount:${local.name}:api"]
    }
  }
}

data "aws_iam_policy_document" "read_secrets" {
  statement {
    sid       = "ReadOwnSecrets"
    actions   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
    resources = [for secret in aws_secretsmanager_secret.service : secret.arn]
  }

  statement {
    sid       = "DecryptOwnSecrets"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.service.arn]
  }
}

resource "aws_iam_role" "service" {
  name                 = local.name
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "read_secrets" {
  name   = "read-own-secrets"
  role   = aws_iam_role.service.id
  policy = data.aws_iam_policy_document.read_secrets.json
}
