variable "service" {
  description = "Name of the service; names the role and the secrets."
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

variable "oidc_provider_arn" {
  description = "ARN of the cluster's OIDC provider, by which a SecretStore with a ServiceAccount proves who it is; null when the operator does it by Pod Identity."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn == null || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/[^*]+$", var.oidc_provider_arn))
    error_message = "oidc_provider_arn must be the ARN of an IAM OIDC provider."
  }
}

variable "secret_readers" {
  description = "ServiceAccounts, in the namespace of the service and environment, whose SecretStore may read the secrets. No pod runs as `secrets`; `api` is what services made before 2026-11 named."
  type        = set(string)
  default     = ["api", "secrets"]

  validation {
    condition     = length(var.secret_readers) > 0 && alltrue([for name in var.secret_readers : can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", name))])
    error_message = "secret_readers must name at least one ServiceAccount, without wildcards."
  }
}

variable "operator_role_arn" {
  description = "Role that the External Secrets operator holds by EKS Pod Identity, where its SecretStores name a role to assume; null where they name a ServiceAccount."
  type        = string
  default     = null

  validation {
    condition     = var.operator_role_arn == null || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[^*]+$", var.operator_role_arn))
    error_message = "operator_role_arn must be the ARN of one IAM role."
  }
}

variable "secret_names" {
  description = "Secrets whose values their owner sets, each as SERVICE-ENVIRONMENT/NAME."
  type        = set(string)
  default     = ["database-url"]

  validation {
    condition     = alltrue([for name in var.secret_names : can(regex("^[a-z][a-z0-9-]{0,62}$", name))])
    error_message = "secret_names must be short names of lower-case letters, digits and dashes."
  }
}

variable "secret_recovery_days" {
  description = "Days in which a deleted secret can be brought back."
  type        = number
  default     = 30

  validation {
    condition     = var.secret_recovery_days >= 7 && var.secret_recovery_days <= 30
    error_message = "secret_recovery_days must be between 7 and 30."
  }
}

variable "create_repository" {
  description = "Whether this environment keeps an image repository of its own, as services made before 2026-11 do. New ones share the one of infra/terraform/registry: built once, promoted by digest."
  type        = bool
  default     = true
  nullable    = false
}
