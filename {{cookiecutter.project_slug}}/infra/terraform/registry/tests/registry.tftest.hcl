# What the repository promises, shown without a cloud: terraform test

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
  mock_resource "aws_ecr_repository" {
    defaults = { arn = "arn:aws:ecr:eu-west-1:123456789012:repository/a-service" }
  }
}

variables {
  region  = "eu-west-1"
  service = "a-service"
}

run "images_cannot_be_replaced_and_are_scanned_and_encrypted" {
  assert {
    condition     = aws_ecr_repository.service.name == "a-service" && aws_ecr_repository.service.image_tag_mutability == "IMMUTABLE"
    error_message = "one repository, in which a tag always means the same image"
  }
  assert {
    condition     = aws_ecr_repository.service.image_scanning_configuration[0].scan_on_push && !aws_ecr_repository.service.force_delete
    error_message = "images must be scanned when they arrive, and not go with the repository"
  }
  assert {
    condition     = aws_ecr_repository.service.encryption_configuration[0].kms_key == module.key.arn
    error_message = "images must be encrypted with the key of the registry"
  }
  assert {
    condition = alltrue([
      for rule in jsondecode(aws_ecr_lifecycle_policy.service.policy).rules : rule.selection.countType == "sinceImagePushed"
    ])
    error_message = "a rule by number could remove the image that production runs"
  }
  assert {
    condition     = length(aws_iam_role.push) == 0 && length(aws_ecr_repository_policy.pull) == 0
    error_message = "nobody pushes or pulls unless named"
  }
}

run "a_pipeline_pushes_to_this_repository_and_does_nothing_else" {
  variables {
    pushers = {
      gitlab = {
        oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"
        audience          = "https://gitlab.example.com"
        subjects          = ["project_path:platform/a-service:ref_type:branch:ref:main"]
      }
    }
  }

  assert {
    condition = toset(flatten([for one in jsondecode(aws_iam_role_policy.push["gitlab"].policy).Statement : one.Action])) == toset([
      "ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:CompleteLayerUpload",
      "ecr:DescribeImages", "ecr:GetDownloadUrlForLayer", "ecr:InitiateLayerUpload", "ecr:PutImage", "ecr:UploadLayerPart",
    ])
    error_message = "pushing takes these actions and no other"
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.push["gitlab"].policy).Statement[1].Resource == [aws_ecr_repository.service.arn]
    error_message = "one repository"
  }
  assert {
    condition     = jsondecode(aws_iam_role_policy.push["gitlab"].policy).Statement[0].Action == ["ecr:GetAuthorizationToken"]
    error_message = "only the login, which knows no resource, is for all of them"
  }
  assert {
    condition = jsondecode(aws_iam_role.push["gitlab"].assume_role_policy).Statement[0].Condition == {
      StringEquals = { "gitlab.example.com:aud" = "https://gitlab.example.com" }
      StringLike   = { "gitlab.example.com:sub" = ["project_path:platform/a-service:ref_type:branch:ref:main"] }
    }
    error_message = "the trust must name audience and subject"
  }
}

run "nodes_pull_and_do_not_push" {
  variables {
    puller_role_arns = ["arn:aws:iam::210987654321:role/nodes"]
  }

  assert {
    condition = jsondecode(aws_ecr_repository_policy.pull[0].policy).Statement == [{
      Sid       = "NodesPull"
      Effect    = "Allow"
      Principal = { AWS = ["arn:aws:iam::210987654321:role/nodes"] }
      Action    = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    }]
    error_message = "named nodes pull"
  }
}

run "a_subject_that_lets_other_repositories_push_is_refused" {
  command = plan

  variables {
    pushers = {
      gitlab = {
        oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/gitlab.example.com"
        audience          = "https://gitlab.example.com"
        subjects          = ["project_path:platform/*:ref_type:branch:ref:main"]
      }
    }
  }

  expect_failures = [var.pushers]
}

run "wrong_input_is_refused" {
  command = plan

  variables {
    region           = "Europe"
    service          = "A_Service"
    pushers          = { ci = { oidc_provider_arn = "gitlab.example.com", audience = "", subjects = [] } }
    puller_role_arns = ["*"]
    keep_days        = 5
  }

  expect_failures = [var.region, var.service, var.pushers, var.puller_role_arns, var.keep_days]
}
