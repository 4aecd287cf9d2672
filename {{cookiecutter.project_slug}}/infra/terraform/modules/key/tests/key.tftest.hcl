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
}

variables {
  name         = "a-service-dev"
  description  = "Encrypts things"
  used_through = ["secretsmanager"]
}

run "the_key_rotates_and_its_administrators_cannot_use_it" {
  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 30
    error_message = "the key must rotate and be kept for a month after its deletion"
  }
  assert {
    condition = !anytrue([
      for action in jsondecode(aws_kms_key.this.policy).Statement[0].Action :
      strcontains(action, "*") || can(regex("Decrypt|Encrypt|DataKey|CreateGrant|Sign", action))
    ])
    error_message = "whoever administers the key may not use it"
  }
}

run "it_is_used_through_named_services_of_this_account" {
  assert {
    condition = jsondecode(aws_kms_key.this.policy).Statement[1].Condition.StringEquals == {
      "kms:CallerAccount" = "123456789012"
      "kms:ViaService"    = ["secretsmanager.eu-west-1.amazonaws.com"]
    }
    error_message = "never directly, never from elsewhere"
  }
  assert {
    condition     = length(jsondecode(aws_kms_key.this.policy).Statement) == 2
    error_message = "no logs unless named"
  }
}

run "logs_use_it_for_named_groups" {
  variables {
    log_groups = ["/aws/rds/instance/a-service-dev/postgresql"]
  }

  assert {
    condition = jsondecode(aws_kms_key.this.policy).Statement[2].Condition == {
      StringEquals = {
        "kms:EncryptionContext:aws:logs:arn" = ["arn:aws:logs:eu-west-1:123456789012:log-group:/aws/rds/instance/a-service-dev/postgresql"]
      }
    }
    error_message = "the log service may use the key for these groups alone"
  }
}

run "wrong_input_is_refused" {
  command = plan

  variables {
    name         = "AWS/key"
    description  = ""
    used_through = ["*"]
    log_groups   = ["/aws/*"]
  }

  expect_failures = [var.name, var.description, var.used_through, var.log_groups]
}
