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
  mock_resource "aws_db_instance" {
    defaults = {
      master_user_secret = [{ kms_key_id = "mock", secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mock", secret_status = "active" }]
    }
  }
}

variables {
  service                   = "a-service"
  environment               = "production"
  database_name             = "a_service"
  vpc_id                    = "vpc-0a1b"
  subnet_ids                = ["subnet-0a", "subnet-0b"]
  client_security_group_ids = ["sg-0c"]
}

run "data_is_encrypted_with_a_key_of_its_own" {
  assert {
    condition     = aws_db_instance.datastore.storage_encrypted && aws_db_instance.datastore.kms_key_id == module.key.arn
    error_message = "data and backups must be encrypted"
  }
  assert {
    condition     = aws_db_instance.datastore.performance_insights_enabled && aws_db_instance.datastore.performance_insights_kms_key_id == module.key.arn
    error_message = "statements must be seen, and encrypted"
  }
  assert {
    condition     = aws_db_instance.datastore.enabled_cloudwatch_logs_exports == toset(["postgresql", "upgrade"])
    error_message = "logs must leave the instance"
  }
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.datastore : group.kms_key_id == module.key.arn && group.retention_in_days == 365])
    error_message = "logs must be encrypted, and end"
  }
}

run "no_password_is_in_the_state_and_the_owners_rotates" {
  assert {
    condition     = aws_db_instance.datastore.manage_master_user_password && aws_db_instance.datastore.password == null
    error_message = "RDS makes the password"
  }
  assert {
    condition     = aws_db_instance.datastore.master_user_secret_kms_key_id == module.key.arn
    error_message = "the password must be encrypted with the key of the database"
  }
  assert {
    condition     = aws_secretsmanager_secret_rotation.owner.rotation_rules[0].automatically_after_days == 7
    error_message = "the password must change each week"
  }
}

run "production_survives_a_zone_and_a_mistake" {
  assert {
    condition     = aws_db_instance.datastore.multi_az
    error_message = "a standby must be in another zone"
  }
  assert {
    condition     = aws_db_instance.datastore.backup_retention_period == 14 && !aws_db_instance.datastore.delete_automated_backups
    error_message = "two weeks must be restorable"
  }
  assert {
    condition     = aws_db_instance.datastore.deletion_protection && !aws_db_instance.datastore.skip_final_snapshot
    error_message = "the database must refuse to go, and leave a snapshot"
  }
  assert {
    condition     = !aws_db_instance.datastore.allow_major_version_upgrade && coalesce(aws_db_instance.datastore.apply_immediately, false) == false
    error_message = "changes wait for the maintenance window"
  }
}

run "pods_come_in_by_tls_and_nobody_else" {
  assert {
    condition     = !aws_db_instance.datastore.publicly_accessible
    error_message = "no public address"
  }
  assert {
    condition     = one([for one in aws_db_parameter_group.datastore.parameter : one.value if one.name == "rds.force_ssl"]) == "1"
    error_message = "TLS must be demanded"
  }
  assert {
    condition     = one([for one in aws_db_parameter_group.datastore.parameter : one.value if one.name == "log_parameter_max_length"]) == "0"
    error_message = "what customers sent must not be logged"
  }
  assert {
    condition = keys(aws_vpc_security_group_ingress_rule.pods) == ["sg-0c"] && alltrue([
      for rule in aws_vpc_security_group_ingress_rule.pods :
      rule.referenced_security_group_id == "sg-0c" && rule.from_port == 5432 && rule.to_port == 5432 && rule.cidr_ipv4 == null
    ])
    error_message = "named security groups, one port, no network"
  }
}

run "rds_alone_takes_the_role_of_measurements" {
  assert {
    condition     = jsondecode(aws_iam_role.monitoring.assume_role_policy).Statement[0].Principal == { Service = "monitoring.rds.amazonaws.com" }
    error_message = "nobody else may"
  }
}

run "production_refuses_to_be_weakened" {
  command = plan

  variables {
    multi_az              = false
    deletion_protection   = false
    backup_retention_days = 3
  }

  expect_failures = [var.multi_az, var.deletion_protection, var.backup_retention_days]
}

run "dev_may_be_smaller" {
  command = plan

  variables {
    environment           = "dev"
    multi_az              = false
    deletion_protection   = false
    backup_retention_days = 1
  }

  assert {
    condition     = !aws_db_instance.datastore.multi_az && aws_db_instance.datastore.storage_encrypted
    error_message = "smaller, and still encrypted"
  }
}

run "wrong_input_is_refused" {
  command = plan

  variables {
    service                   = "A_Service"
    environment               = "qa"
    database_name             = "a-service"
    vpc_id                    = "10.0.0.0/16"
    subnet_ids                = ["subnet-0a"]
    client_security_group_ids = ["10.0.0.0/8"]
    engine_version            = "9.6"
    instance_class            = "large"
    storage_gib               = 5
    rotation_days             = 365
  }

  expect_failures = [
    var.service, var.environment, var.database_name, var.vpc_id, var.subnet_ids, var.client_security_group_ids,
    var.engine_version, var.instance_class, var.storage_gib, var.rotation_days,
  ]
}
