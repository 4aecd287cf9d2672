# PostgreSQL of production. This file is yours.

locals {
  secret_names = ["database-url"]
}

variable "vpc_id" {
  description = "Network of the cluster."
  type        = string

  validation {
    condition     = can(regex("^vpc-[0-9a-f]+$", var.vpc_id))
    error_message = "vpc_id must be the id of a VPC."
  }
}

variable "subnet_ids" {
  description = "Private subnets in at least two zones."
  type        = set(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must name at least two subnets."
  }
}

variable "client_security_group_ids" {
  description = "Security groups of the cluster's pods or nodes."
  type        = set(string)

  validation {
    condition     = length(var.client_security_group_ids) > 0
    error_message = "client_security_group_ids must name at least one security group."
  }
}

module "datastore" {
  source = "../../modules/datastore"

  service                   = local.service
  environment               = local.environment
  database_name             = "{{ cookiecutter.__database_name }}"
  vpc_id                    = var.vpc_id
  subnet_ids                = var.subnet_ids
  client_security_group_ids = var.client_security_group_ids
  instance_class            = "db.m7g.large"
  storage_gib               = 100
  backup_retention_days     = 35
}

output "datastore" {
  description = "What the module made."
  value       = module.datastore
}
