# The one image repository of the service, for all environments: an image is built once, pushed once and promoted by its
# digest. This is a state of its own, applied before any environment:
#
#   bin/infra -e registry        # plan
#   bin/infra -e registry -a     # apply that plan

locals {
  issuers = { for name, one in var.pushers : name => split("oidc-provider/", one.oidc_provider_arn)[1] }

  trust_policies = {
    for name, one in var.pushers : name => {
      Version = "2012-10-17"
      Statement = [{
        Sid       = "PipelinesOfThisRepositoryOnly"
        Effect    = "Allow"
        Principal = { Federated = one.oidc_provider_arn }
        Action    = ["sts:AssumeRoleWithWebIdentity"]
        Condition = {
          StringEquals = { "${local.issuers[name]}:aud" = one.audience }
          StringLike   = { "${local.issuers[name]}:sub" = sort(one.subjects) }
        }
      }]
    }
  }

  # Reading is part of pushing: layers are looked for before they are sent, and scan and signature read the image.
  push_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "LogIn"
        Effect   = "Allow"
        Action   = ["ecr:GetAuthorizationToken"]
        Resource = ["*"]
      },
      {
        Sid    = "PushToOneRepository"
        Effect = "Allow"
        Action = [
          "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload", "ecr:DescribeImages",
          "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
        ]
        Resource = [aws_ecr_repository.service.arn]
      },
    ]
  }

  pull_policy = {
    Version = "2012-10-17"
    Statement = [{
      Sid       = "NodesPull"
      Effect    = "Allow"
      Principal = { AWS = sort(var.puller_role_arns) }
      Action    = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    }]
  }
}

module "key" {
  source = "../modules/key"

  name         = "${var.service}-registry"
  description  = "Encrypts the images of ${var.service}"
  used_through = ["ecr"]
}

resource "aws_ecr_repository" "service" {
  name                 = var.service
  image_tag_mutability = "IMMUTABLE"
  force_delete         = false

  encryption_configuration {
    encryption_type = "KMS"
    kms_key         = module.key.arn
  }

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "service" {
  repository = aws_ecr_repository.service.name

  # By age, not by number: a busy month must not remove the image that production still runs.
  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "What no tag names any more"
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 14 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "What is older than any version that may still run"
        selection    = { tagStatus = "any", countType = "sinceImagePushed", countUnit = "days", countNumber = var.keep_days }
        action       = { type = "expire" }
      },
    ]
  })
}

resource "aws_ecr_repository_policy" "pull" {
  count = length(var.puller_role_arns) > 0 ? 1 : 0

  repository = aws_ecr_repository.service.name
  policy     = jsonencode(local.pull_policy)
}

resource "aws_iam_role" "push" {
  for_each = var.pushers

  name                 = "${var.service}-push-${each.key}"
  description          = "Pushes images of ${var.service}, for ${each.key}"
  assume_role_policy   = jsonencode(local.trust_policies[each.key])
  max_session_duration = 3600
}

resource "aws_iam_role_policy" "push" {
  for_each = var.pushers

  name   = "push-to-one-repository"
  role   = aws_iam_role.push[each.key].id
  policy = jsonencode(local.push_policy)
}
