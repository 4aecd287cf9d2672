mock_provider "aws" {
  mock_data "aws_iam_policy_document" {
    defaults = { json = "{}" }
  }
  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:eu-west-1:123456789012:key/mock" }
  }
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mock" }
  }
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mock" }
  }
}

variables {
  service           = "a-service"
  environment       = "dev"
  oidc_provider_arn = "arn:aws:iam::123456789012:oidc-provider/oidc.example.com/id/A1"
}

run "before" {
  state_key = "one"

  module {
    source = "./before"
  }
}

run "after" {
  command   = plan
  state_key = "one"

  module {
    source = "./modules/service"
  }
}
