# The topics of staging and who may use them. This file is yours: where Kafka is not Amazon MSK, delete it.

variable "kafka_cluster_arn" {
  description = "ARN of the MSK cluster."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kafka:[a-z0-9-]+:[0-9]{12}:cluster/[^/]+/[^/]+$", var.kafka_cluster_arn))
    error_message = "kafka_cluster_arn must be the ARN of an MSK cluster."
  }
}

data "aws_msk_bootstrap_brokers" "cluster" {
  cluster_arn = var.kafka_cluster_arn
}

ephemeral "aws_secretsmanager_random_password" "broker" {
  password_length     = 40
  exclude_punctuation = true
}

provider "kafka" {
  bootstrap_servers = split(",", data.aws_msk_bootstrap_brokers.cluster.bootstrap_brokers_sasl_iam)
  tls_enabled       = true
  sasl_mechanism    = "aws-iam"
  sasl_aws_region   = var.region
}

module "broker" {
  source = "../../modules/broker"

  service          = local.service
  environment      = local.environment
  cluster_arn      = var.kafka_cluster_arn
  role_name        = module.service.role_name
  group            = local.service
  password         = ephemeral.aws_secretsmanager_random_password.broker.random_password
  password_version = 1
}

output "broker" {
  description = "What the module made."
  value       = module.broker
}
