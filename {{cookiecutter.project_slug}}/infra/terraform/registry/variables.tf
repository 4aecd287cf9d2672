variable "region" {
  description = "Region of the repository."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of a region, such as eu-west-1."
  }
}

variable "service" {
  description = "Name of the service, and of its repository."
  type        = string
  default     = "{{ cookiecutter.project_slug }}"

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.service)) && length(var.service) <= 40
    error_message = "service must be a DNS label of at most 40 characters: lower-case letters, digits and single dashes."
  }
}

variable "pushers" {
  description = "Pipelines that may push, by name: the OIDC provider that vouches for them, the audience of their tokens, and the subjects that may, such as project_path:GROUP/PROJECT:ref_type:branch:ref:main of GitLab."
  type = map(object({
    oidc_provider_arn = string
    audience          = string
    subjects          = set(string)
  }))
  default = {}

  validation {
    condition     = alltrue([for name, one in var.pushers : can(regex("^[a-z][a-z0-9-]{0,15}$", name)) && can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/[^*]+$", one.oidc_provider_arn))])
    error_message = "pushers must have short names, and each the ARN of an IAM OIDC provider."
  }
  validation {
    condition     = alltrue([for one in values(var.pushers) : length(one.audience) > 0 && length(one.subjects) > 0])
    error_message = "pushers must each have an audience and a subject."
  }
  validation {
    condition     = alltrue(flatten([for one in values(var.pushers) : [for subject in one.subjects : !can(regex("[*?]", split(":ref", subject)[0])) && length(subject) > 8]]))
    error_message = "subjects may have a wildcard in the branch or tag alone: one in front would let other repositories push."
  }
}

variable "puller_role_arns" {
  description = "Roles of the nodes that pull, where they are in other accounts or read nothing by default."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.puller_role_arns : can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[^*]+$", arn))])
    error_message = "puller_role_arns must be ARNs of IAM roles, without wildcards."
  }
}

variable "keep_days" {
  description = "Days that an image is kept. Deploy at least that often, or raise it: an image that is gone cannot start again."
  type        = number
  default     = 400

  validation {
    condition     = var.keep_days >= 90 && floor(var.keep_days) == var.keep_days
    error_message = "keep_days must be a whole number from 90."
  }
}
