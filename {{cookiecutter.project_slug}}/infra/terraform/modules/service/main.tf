# What the service needs from the cloud in one environment: a key, secrets without a value, and a role that may read
# those secrets and nothing else. Pods hold no role: External Secrets reads for them, through the SecretStore of the
# service's own namespace. The image repository is one for all environments (infra/terraform/registry); services made
# before that keep theirs here until they say create_repository = false.

locals {
  name   = "${var.service}-${var.environment}"
  region = data.aws_region.current.id
  issuer = var.oidc_provider_arn == null ? null : split("oidc-provider/", var.oidc_provider_arn)[1]

  trust_policy = {
    Version = "2012-10-17"
    Statement = concat(
      [for issuer in compact([local.issuer]) : {
        Sid       = "SecretStoreOfThisServiceOnly"
        Effect    = "Allow"
        Principal = { Federated = var.oidc_provider_arn }
        Action    = ["sts:AssumeRoleWithWebIdentity"]
        Condition = {
          StringEquals = {
            "${issuer}:aud" = "sts.amazonaws.com"
            "${issuer}:sub" = [for account in sort(var.secret_readers) : "system:serviceaccount:${local.name}:${account}"]
          }
        }
      }],
      [for operator in compact([var.operator_role_arn]) : {
        Sid       = "OperatorWithPodIdentity"
        Effect    = "Allow"
        Principal = { AWS = operator }
        Action    = ["sts:AssumeRole", "sts:TagSession"]
      }],
    )
  }

  read_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadOwnSecrets"
        Effect   = "Allow"
        Action   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
        Resource = [for secret in aws_secretsmanager_secret.service : secret.arn]
      },
      {
        Sid       = "DecryptOwnSecrets"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = [module.key.arn]
        Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${local.region}.amazonaws.com" } }
      },
    ]
  }
}

data "aws_region" "current" {}

moved {
  from = aws_kms_key.service
  to   = module.key.aws_kms_key.this
}

moved {
  from = aws_kms_alias.service
  to   = module.key.aws_kms_alias.this
}

module "key" {
  source = "../key"

  name         = local.name
  description  = "Encrypts what ${local.name} keeps in the cloud"
  used_through = var.create_repository ? ["ecr", "secretsmanager"] : ["secretsmanager"]
}

moved {
  from = aws_ecr_repository.service
  to   = aws_ecr_repository.service[0]
}

resource "aws_ecr_repository" "service" {
  count = var.create_repository ? 1 : 0

  name                 = "${var.environment}/${var.service}"
  image_tag_mutability = "IMMUTABLE"

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = module.key.arn
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

moved {
  from = aws_ecr_lifecycle_policy.service
  to   = aws_ecr_lifecycle_policy.service[0]
}

resource "aws_ecr_lifecycle_policy" "service" {
  count = var.create_repository ? 1 : 0

  repository = aws_ecr_repository.service[0].name

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
  for_each = var.secret_names

  name                    = "${local.name}/${each.key}"
  description             = "Set by its owner, never by Terraform"
  kms_key_id              = module.key.arn
  recovery_window_in_days = var.secret_recovery_days
}

resource "aws_iam_role" "service" {
  name                 = local.name
  description          = "Reads the secrets of ${local.name} for External Secrets"
  assume_role_policy   = jsonencode(local.trust_policy)
  max_session_duration = 3600

  lifecycle {
    precondition {
      condition     = var.oidc_provider_arn != null || var.operator_role_arn != null
      error_message = "Name oidc_provider_arn or operator_role_arn: without one nobody could read the secrets."
    }
  }
}

moved {
  from = aws_iam_role_policy.read_secrets
  to   = aws_iam_role_policy.read_secrets[0]
}

resource "aws_iam_role_policy" "read_secrets" {
  count = length(var.secret_names) > 0 ? 1 : 0

  name   = "read-own-secrets"
  role   = aws_iam_role.service.id
  policy = jsonencode(local.read_policy)
}
