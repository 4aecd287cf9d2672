# The service's part of a Kafka cluster of MSK, in one environment: its topics, an account of its own, and what that
# account may do. The cluster belongs to whoever runs it. Terraform reaches the brokers by IAM; the service by SCRAM, with
# a password that is in Secrets Manager and not in the state.

locals {
  name      = "${var.service}-${var.environment}"
  principal = "User:${local.name}"
  day       = 24 * 60 * 60 * 1000

  # The worker sends and reads events, sets dead ones aside, and reads those again to replay them.
  permissions = {
    topic_write         = { type = "Topic", name = var.topic, operation = "Write" }
    topic_read          = { type = "Topic", name = var.topic, operation = "Read" }
    topic_describe      = { type = "Topic", name = var.topic, operation = "Describe" }
    dead_topic_write    = { type = "Topic", name = var.dead_letter_topic, operation = "Write" }
    dead_topic_read     = { type = "Topic", name = var.dead_letter_topic, operation = "Read" }
    dead_topic_describe = { type = "Topic", name = var.dead_letter_topic, operation = "Describe" }
    group_read          = { type = "Group", name = var.group, operation = "Read" }
    group_describe      = { type = "Group", name = var.group, operation = "Describe" }
  }

  secret_policy = {
    Version = "2012-10-17"
    Statement = [{
      Sid       = "BrokersReadTheAccount"
      Effect    = "Allow"
      Principal = { Service = "kafka.amazonaws.com" }
      Action    = ["secretsmanager:GetSecretValue"]
      Resource  = [aws_secretsmanager_secret.account.arn]
    }]
  }

  read_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "ReadOwnAccount"
        Effect   = "Allow"
        Action   = ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]
        Resource = [aws_secretsmanager_secret.account.arn]
      },
      {
        Sid       = "DecryptOwnAccount"
        Effect    = "Allow"
        Action    = ["kms:Decrypt"]
        Resource  = [module.key.arn]
        Condition = { StringEquals = { "kms:ViaService" = "secretsmanager.${data.aws_region.current.id}.amazonaws.com" } }
      },
    ]
  }
}

data "aws_region" "current" {}

resource "kafka_topic" "events" {
  name               = var.topic
  partitions         = var.partitions
  replication_factor = 3

  config = {
    "cleanup.policy"                 = "delete"
    "min.insync.replicas"            = "2"
    "retention.ms"                   = tostring(var.retention_days * local.day)
    "unclean.leader.election.enable" = "false"
  }
}

resource "kafka_topic" "dead_letters" {
  name               = var.dead_letter_topic
  partitions         = 1
  replication_factor = 3

  config = {
    "cleanup.policy"                 = "delete"
    "min.insync.replicas"            = "2"
    "retention.ms"                   = tostring(var.dead_letter_retention_days * local.day)
    "unclean.leader.election.enable" = "false"
  }
}

resource "kafka_acl" "service" {
  for_each = local.permissions

  acl_principal                = local.principal
  acl_host                     = "*"
  acl_permission_type          = "Allow"
  acl_operation                = each.value.operation
  resource_type                = each.value.type
  resource_name                = each.value.name
  resource_pattern_type_filter = "Literal"

  depends_on = [kafka_topic.events, kafka_topic.dead_letters]
}

module "key" {
  source = "../key"

  name         = "${local.name}-broker"
  description  = "Encrypts the account of ${local.name} at the brokers"
  used_through = ["kafka", "secretsmanager"]
}

# MSK takes secrets whose name begins so, and which are encrypted with a key of their own.
resource "aws_secretsmanager_secret" "account" {
  name                    = "AmazonMSK_${local.name}"
  description             = "Account of ${local.name} at the brokers"
  kms_key_id              = module.key.arn
  recovery_window_in_days = 7
}

resource "aws_secretsmanager_secret_policy" "account" {
  secret_arn          = aws_secretsmanager_secret.account.arn
  policy              = jsonencode(local.secret_policy)
  block_public_policy = true
}

resource "aws_secretsmanager_secret_version" "account" {
  secret_id                = aws_secretsmanager_secret.account.id
  secret_string_wo         = jsonencode({ username = local.name, password = var.password })
  secret_string_wo_version = var.password_version
}

resource "aws_msk_single_scram_secret_association" "account" {
  cluster_arn = var.cluster_arn
  secret_arn  = aws_secretsmanager_secret.account.arn

  depends_on = [aws_secretsmanager_secret_version.account, aws_secretsmanager_secret_policy.account]
}

resource "aws_iam_role_policy" "read_account" {
  name   = "read-own-broker-account"
  role   = var.role_name
  policy = jsonencode(local.read_policy)
}
