variable "service" {
  description = "Name of the service; names the account."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.service)) && length(var.service) <= 40
    error_message = "service must be a DNS label of at most 40 characters: lower-case letters, digits and single dashes."
  }
}

variable "environment" {
  description = "Environment that this state describes."
  type        = string

  validation {
    condition     = contains(["dev", "staging", "production"], var.environment)
    error_message = "environment must be dev, staging or production."
  }
}

variable "cluster_arn" {
  description = "ARN of the MSK cluster, provisioned, with SASL/SCRAM and IAM turned on."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kafka:[a-z0-9-]+:[0-9]{12}:cluster/[^/]+/[^/]+$", var.cluster_arn))
    error_message = "cluster_arn must be the ARN of an MSK cluster."
  }
}

variable "role_name" {
  description = "Role by which External Secrets reads: role_name of the module service."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9+=,.@_-]{1,64}$", var.role_name))
    error_message = "role_name must be the name of a role, not its ARN."
  }
}

variable "topic" {
  description = "Topic of the events: KAFKA_TOPIC."
  type        = string
  default     = "orders.placed.v1"

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,249}$", var.topic))
    error_message = "topic must be letters, digits, dots, dashes and underscores."
  }
}

variable "dead_letter_topic" {
  description = "Topic of the records that cannot be worked on: KAFKA_DEAD_LETTER_TOPIC."
  type        = string
  default     = "orders.placed.v1.dead"

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,249}$", var.dead_letter_topic)) && var.dead_letter_topic != var.topic
    error_message = "dead_letter_topic must be the name of another topic."
  }
}

variable "group" {
  description = "Consumer group: KAFKA_GROUP."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,249}$", var.group))
    error_message = "group must be letters, digits, dots, dashes and underscores, without wildcards."
  }
}

variable "partitions" {
  description = "Partitions of the topic: as many workers may read side by side. More can come later; then events of one order may be out of order once."
  type        = number
  default     = 6

  validation {
    condition     = var.partitions >= 3 && var.partitions <= 100
    error_message = "partitions must be between 3 and 100."
  }
}

variable "retention_days" {
  description = "Days that events are kept. Shorter than STORE_EVENT_RETENTION (a week), or a reader from the beginning counts old events again."
  type        = number
  default     = 6

  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 6
    error_message = "retention_days must be between 1 and 6, shorter than STORE_EVENT_RETENTION."
  }
}

variable "dead_letter_retention_days" {
  description = "Days that dead letters wait for a person."
  type        = number
  default     = 30

  validation {
    condition     = var.dead_letter_retention_days >= 7 && var.dead_letter_retention_days <= 365
    error_message = "dead_letter_retention_days must be between 7 and 365."
  }
}

variable "password" {
  description = "Password of the account: written when password_version is raised, and kept nowhere in Terraform."
  type        = string
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = length(var.password) >= 32
    error_message = "password must be at least 32 characters."
  }
}

variable "password_version" {
  description = "Raise it by one to change the password; then restart the worker."
  type        = number
  default     = 1

  validation {
    condition     = var.password_version >= 1 && floor(var.password_version) == var.password_version
    error_message = "password_version must be a whole number from 1."
  }
}
