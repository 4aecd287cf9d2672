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
  mock_resource "aws_docdb_cluster" {
    defaults = {
      master_user_secret = [{ kms_key_id = "mock", secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mock", secret_status = "active" }]
    }
  }
}

variables {
  service                   = "a-service"
  environment               = "production"
  vpc_id                    = "vpc-0a1b"
  subnet_ids                = ["subnet-0a", "subnet-0b"]
  client_security_group_ids = ["sg-0c"]
}

run "data_is_encrypted_with_a_key_of_its_own" {
  assert {
    condition     = aws_docdb_cluster.datastore.storage_encrypted && aws_docdb_cluster.datastore.kms_key_id == module.key.arn
    error_message = "data and backups must be encrypted"
  }
  assert {
    condition     = alltrue([for one in aws_docdb_cluster_instance.datastore : one.enable_performance_insights && one.performance_insights_kms_key_id == module.key.arn])
    error_message = "operations must be seen, and encrypted"
  }
  assert {
    condition     = aws_docdb_cluster.datastore.enabled_cloudwatch_logs_exports == tolist(["audit", "profiler"])
    error_message = "logs must leave the cluster"
  }
  assert {
    condition     = alltrue([for group in aws_cloudwatch_log_group.datastore : group.kms_key_id == module.key.arn && group.retention_in_days == 365])
    error_message = "logs must be encrypted, and end"
  }
}

run "no_password_is_in_the_state_and_the_owners_rotates" {
  assert {
    condition     = aws_docdb_cluster.datastore.manage_master_user_password && aws_docdb_cluster.datastore.master_password == null
    error_message = "DocumentDB makes the password"
  }
  assert {
    condition     = aws_secretsmanager_secret_rotation.owner.rotation_rules[0].automatically_after_days == 7
    error_message = "the password must change each week"
  }
}

run "production_survives_a_zone_and_a_mistake" {
  assert {
    condition     = length(aws_docdb_cluster_instance.datastore) == 2 && length(aws_docdb_subnet_group.datastore.subnet_ids) == 2
    error_message = "another instance must be there, in another zone"
  }
  assert {
    condition     = aws_docdb_cluster.datastore.backup_retention_period == 14
    error_message = "two weeks must be restorable"
  }
  assert {
    condition     = aws_docdb_cluster.datastore.deletion_protection && !aws_docdb_cluster.datastore.skip_final_snapshot
    error_message = "the cluster must refuse to go, and leave a snapshot"
  }
  assert {
    condition     = !aws_docdb_cluster.datastore.allow_major_version_upgrade && coalesce(aws_docdb_cluster.datastore.apply_immediately, false) == false
    error_message = "changes wait for the maintenance window"
  }
}

run "pods_come_in_by_tls_and_nobody_else" {
  assert {
    condition = alltrue([
      for name in ["tls", "audit_logs", "profiler", "ttl_monitor"] :
      one([for one in aws_docdb_cluster_parameter_group.datastore.parameter : one.value if one.name == name]) == "enabled"
    ])
    error_message = "TLS must be demanded, changes logged, and expired documents removed"
  }
  assert {
    condition     = aws_docdb_cluster_parameter_group.datastore.family == "docdb8.0"
    error_message = "the parameters must fit the engine"
  }
  assert {
    condition = keys(aws_vpc_security_group_ingress_rule.pods) == ["sg-0c"] && alltrue([
      for rule in aws_vpc_security_group_ingress_rule.pods :
      rule.referenced_security_group_id == "sg-0c" && rule.from_port == 27017 && rule.to_port == 27017 && rule.cidr_ipv4 == null
    ])
    error_message = "named security groups, one port, no network"
  }
}

run "production_refuses_to_be_weakened" {
  command = plan

  variables {
    instances             = 1
    deletion_protection   = false
    backup_retention_days = 3
  }

  expect_failures = [var.instances, var.deletion_protection, var.backup_retention_days]
}

run "dev_may_be_smaller" {
  command = plan

  variables {
    environment           = "dev"
    instances             = 1
    deletion_protection   = false
    backup_retention_days = 1
  }

  assert {
    condition     = length(aws_docdb_cluster_instance.datastore) == 1 && aws_docdb_cluster.datastore.storage_encrypted
    error_message = "smaller, and still encrypted"
  }
}

run "wrong_input_is_refused" {
  command = plan

  variables {
    service                   = "A_Service"
    environment               = "qa"
    vpc_id                    = "10.0.0.0/16"
    subnet_ids                = ["subnet-0a"]
    client_security_group_ids = ["10.0.0.0/8"]
    engine_version            = "5.0.0"
    instance_class            = "large"
    rotation_days             = 365
  }

  expect_failures = [
    var.service, var.environment, var.vpc_id, var.subnet_ids, var.client_security_group_ids, var.engine_version,
    var.instance_class, var.rotation_days,
  ]
}
