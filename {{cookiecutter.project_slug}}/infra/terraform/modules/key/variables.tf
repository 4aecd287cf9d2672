variable "name" {
  description = "Name of the key, without alias/."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,100}$", var.name)) && !startswith(var.name, "aws")
    error_message = "name must be lower-case letters, digits and dashes, and not begin with aws."
  }
}

variable "description" {
  description = "What the key encrypts."
  type        = string

  validation {
    condition     = length(var.description) > 0
    error_message = "description must say what the key encrypts."
  }
}

variable "used_through" {
  description = "Services that keep things with the key, as the first part of their host name: ecr, rds, secretsmanager."
  type        = set(string)

  validation {
    condition     = length(var.used_through) > 0 && alltrue([for name in var.used_through : can(regex("^[a-z][a-z0-9-]+$", name))])
    error_message = "used_through must name at least one service, without wildcards."
  }
}

variable "log_groups" {
  description = "Log groups that are encrypted with the key, by their whole names."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for name in var.log_groups : can(regex("^/[A-Za-z0-9/_-]+$", name))])
    error_message = "log_groups must be whole names, without wildcards."
  }
}
