# What the module promises, shown without a cloud: terraform test

mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:123456789012:key/mock" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mock" }
  }
}

variables {
  service           = "a-service"
  environment       = "dev"
  oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/id/A1"
}

run "images_cannot_be_replaced_and_are_scanned" {
  assert {
    condition     = aws_ecr_repository.service.image_tag_mutability == "IMMUTABLE"
    error_message = "a tag must always mean the same image"
  }
  assert {
    condition     = aws_ecr_repository.service.image_scanning_configuration[0].scan_on_push
    error_message = "images must be scanned when they arrive"
  }
}

run "the_key_rotates" {
  assert {
    condition     = aws_kms_key.service.enable_key_rotation
    error_message = "the key must rotate"
  }
}

run "the_role_reads_its_own_secrets_and_nothing_else" {
  assert {
    condition     = toset(data.aws_iam_policy_document.read_secrets.statement[0].resources) == toset([for secret in aws_secretsmanager_secret.service : secret.arn])
    error_message = "the role must name the service's secrets, one by one"
  }
  assert {
    condition     = !contains(flatten(data.aws_iam_policy_document.read_secrets.statement[*].actions), "*")
    error_message = "the role must not hold a wildcard"
  }
}

run "only_pods_of_the_service_assume_the_role" {
  assert {
    condition     = contains(flatten(data.aws_iam_policy_document.trust.statement[0].condition[*].values), "system:serviceaccount:a-service-dev:api")
    error_message = "the trust must name the service account"
  }
}

run "a_wrong_environment_is_refused" {
  command = plan

  variables {
    environment = "qa"
  }

  expect_failures = [var.environment]
}

run "a_wrong_provider_is_refused" {
  command = plan

  variables {
    oidc_provider_arn = "oidc.example.com"
  }

  expect_failures = [var.oidc_provider_arn]
}
