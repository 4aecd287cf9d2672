# What the module promises, shown without a cloud: terraform test

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_region" {
    defaults = { id = "eu-west-1" }
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

run "a_service_made_earlier_keeps_its_repository" {
  assert {
    condition     = aws_ecr_repository.service[0].name == "dev/a-service" && output.repository_url != null
    error_message = "the default must not destroy a repository"
  }
  assert {
    condition     = aws_ecr_repository.service[0].image_tag_mutability == "IMMUTABLE"
    error_message = "a tag must always mean the same image"
  }
  assert {
    condition     = aws_ecr_repository.service[0].image_scanning_configuration[0].scan_on_push
    error_message = "images must be scanned when they arrive"
  }
  assert {
    condition     = aws_ecr_repository.service[0].encryption_configuration[0].kms_key == module.key.arn
    error_message = "images must be encrypted with the key of the service"
  }
  assert {
    condition = toset(jsondecode(aws_iam_role.service.assume_role_policy).Statement[0].Condition.StringEquals["oidc.example.com/id/A1:sub"]) == toset([
      "system:serviceaccount:a-service-dev:api", "system:serviceaccount:a-service-dev:secrets",
    ])
    error_message = "the account that earlier services named must still be trusted"
  }
}

run "a_new_service_shares_its_repository" {
  variables {
    create_repository = false
    secret_readers    = ["secrets"]
  }

  assert {
    condition     = length(aws_ecr_repository.service) == 0 && length(aws_ecr_lifecycle_policy.service) == 0 && output.repository_url == null
    error_message = "no repository may be made"
  }
  assert {
    condition     = jsondecode(aws_iam_role.service.assume_role_policy).Statement[0].Condition.StringEquals["oidc.example.com/id/A1:sub"] == ["system:serviceaccount:a-service-dev:secrets"]
    error_message = "one account of one namespace may read the secrets"
  }
}

run "the_role_reads_its_own_secrets_and_nothing_else" {
  assert {
    condition = toset(flatten([for one in jsondecode(aws_iam_role_policy.read_secrets[0].policy).Statement : one.Action])) == toset([
      "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "kms:Decrypt",
    ])
    error_message = "the role may read, and nothing else"
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.read_secrets[0].policy).Statement[0].Resource == [for secret in aws_secretsmanager_secret.service : secret.arn]
    error_message = "the role must name the service's secrets, one by one"
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.read_secrets[0].policy).Statement[1].Resource == [module.key.arn]
    error_message = "the role must name the service's key"
  }
  assert {
    condition     = jsondecode(aws_iam_role.service.assume_role_policy).Statement[0].Condition.StringEquals["oidc.example.com/id/A1:aud"] == "sts.amazonaws.com"
    error_message = "the trust must name its audience"
  }
}

run "the_operator_may_hold_pod_identity_instead" {
  variables {
    oidc_provider_arn = null
    operator_role_arn = "arn:aws:iam::123456789012:role/external-secrets"
  }

  assert {
    condition     = [for one in jsondecode(aws_iam_role.service.assume_role_policy).Statement : one.Principal.AWS] == ["arn:aws:iam::123456789012:role/external-secrets"]
    error_message = "the operator's role alone may assume the role"
  }
}

run "a_service_without_secrets_has_none" {
  variables {
    secret_names = []
  }

  assert {
    condition     = length(aws_secretsmanager_secret.service) == 0 && length(aws_iam_role_policy.read_secrets) == 0
    error_message = "nothing to read, nobody to read it"
  }
}

run "somebody_must_be_trusted" {
  command = plan

  variables {
    oidc_provider_arn = null
  }

  expect_failures = [aws_iam_role.service]
}

run "wrong_input_is_refused" {
  command = plan

  variables {
    service              = "A_Service"
    environment          = "qa"
    oidc_provider_arn    = "oidc.example.com"
    operator_role_arn    = "arn:aws:iam::123456789012:role/*"
    secret_readers       = ["*"]
    secret_names         = ["Database URL"]
    secret_recovery_days = 3
  }

  expect_failures = [
    var.service, var.environment, var.oidc_provider_arn, var.operator_role_arn, var.secret_readers, var.secret_names,
    var.secret_recovery_days,
  ]
}
