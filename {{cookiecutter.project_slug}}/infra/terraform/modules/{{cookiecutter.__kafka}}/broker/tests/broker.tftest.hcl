# What the module promises, shown without a cloud and without a broker: terraform test

mock_provider "kafka" {}

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
  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:mock" }
  }
}

variables {
  service     = "a-service"
  environment = "dev"
  cluster_arn = "arn:aws:kafka:eu-west-1:123456789012:cluster/events/0a1b"
  role_name   = "a-service-dev"
  group       = "a-service"
  password    = "not-a-password-but-long-enough-for-one"
}

run "events_survive_a_broker_and_end_before_the_store_forgets_them" {
  assert {
    condition = alltrue([
      for topic in [kafka_topic.events, kafka_topic.dead_letters] : topic.replication_factor == 3 &&
      topic.config["min.insync.replicas"] == "2" && topic.config["unclean.leader.election.enable"] == "false"
    ])
    error_message = "an acknowledged event must be on two brokers"
  }
  assert {
    condition     = kafka_topic.events.partitions == 6 && kafka_topic.events.config["retention.ms"] == "518400000"
    error_message = "six partitions, six days"
  }
  assert {
    condition     = kafka_topic.dead_letters.partitions == 1 && kafka_topic.dead_letters.config["retention.ms"] == "2592000000"
    error_message = "dead letters wait a month, in order"
  }
}

run "the_account_may_do_what_the_worker_does_and_nothing_else" {
  assert {
    condition = toset([for one in kafka_acl.service : "${one.acl_operation} ${one.resource_type} ${one.resource_name}"]) == toset([
      "Write Topic orders.placed.v1", "Read Topic orders.placed.v1", "Describe Topic orders.placed.v1",
      "Write Topic orders.placed.v1.dead", "Read Topic orders.placed.v1.dead", "Describe Topic orders.placed.v1.dead",
      "Read Group a-service", "Describe Group a-service",
    ])
    error_message = "send, read, set aside; no topic made, no setting changed"
  }
  assert {
    condition = alltrue([
      for one in kafka_acl.service :
      one.acl_principal == "User:a-service-dev" && one.acl_permission_type == "Allow" && one.resource_pattern_type_filter == "Literal"
    ])
    error_message = "one account, whole names"
  }
}

run "the_password_is_in_no_state" {
  assert {
    condition     = aws_secretsmanager_secret_version.account.secret_string == null && aws_secretsmanager_secret_version.account.secret_string_wo_version == 1
    error_message = "the password must be written, never kept"
  }
  assert {
    condition     = aws_secretsmanager_secret.account.name == "AmazonMSK_a-service-dev" && aws_secretsmanager_secret.account.kms_key_id == module.key.arn
    error_message = "MSK takes this name, and a key of its own"
  }
}

run "brokers_and_the_secret_store_read_the_account_and_nobody_else" {
  assert {
    condition = jsondecode(aws_secretsmanager_secret_policy.account.policy).Statement == [{
      Sid       = "BrokersReadTheAccount"
      Effect    = "Allow"
      Principal = { Service = "kafka.amazonaws.com" }
      Action    = ["secretsmanager:GetSecretValue"]
      Resource  = [aws_secretsmanager_secret.account.arn]
    }]
    error_message = "brokers read this secret"
  }
  assert {
    condition     = aws_iam_role_policy.read_account.role == "a-service-dev" && jsondecode(aws_iam_role_policy.read_account.policy).Statement[0].Resource == [aws_secretsmanager_secret.account.arn]
    error_message = "the role of the service reads this secret"
  }
  assert {
    condition = toset(flatten([for one in jsondecode(aws_iam_role_policy.read_account.policy).Statement : one.Action])) == toset([
      "secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "kms:Decrypt",
    ])
    error_message = "it reads, and nothing else"
  }
}

run "dead_letters_have_a_topic_of_their_own" {
  command = plan

  variables {
    dead_letter_topic = "orders.placed.v1"
  }

  expect_failures = [var.dead_letter_topic]
}

run "wrong_input_is_refused" {
  command = plan

  variables {
    service                    = "A_Service"
    environment                = "qa"
    cluster_arn                = "events"
    role_name                  = "arn:aws:iam::123456789012:role/a"
    topic                      = "a topic"
    group                      = "*"
    partitions                 = 1
    retention_days             = 30
    dead_letter_retention_days = 1
    password                   = "short"
    password_version           = 0
  }

  expect_failures = [
    var.service, var.environment, var.cluster_arn, var.role_name, var.topic, var.group, var.partitions, var.retention_days, var.dead_letter_retention_days, var.password, var.password_version,
  ]
}
