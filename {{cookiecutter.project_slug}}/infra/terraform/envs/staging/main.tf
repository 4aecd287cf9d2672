# The cloud side of the service in staging. This file is yours. How it is applied: docs/how-to/terraform.md
#
#   bin/infra -e staging        # plan
#   bin/infra -e staging -a     # apply that plan

terraform {
  backend "s3" {
    key          = "{{ cookiecutter.project_slug }}/staging/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

locals {
  service     = "{{ cookiecutter.project_slug }}"
  environment = "staging"
}

variable "region" {
  description = "Region of this environment."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the name of a region, such as eu-west-1."
  }
}

variable "oidc_provider_arn" {
  description = "ARN of the cluster's OIDC provider."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/", var.oidc_provider_arn))
    error_message = "oidc_provider_arn must be the ARN of an IAM OIDC provider."
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      service     = local.service
      environment = local.environment
      team        = "{{ cookiecutter.owner_team }}"
      managed_by  = "terraform"
    }
  }
}

module "service" {
  source = "../../modules/service"

  service              = local.service
  environment          = local.environment
  oidc_provider_arn    = var.oidc_provider_arn
  secret_readers       = ["secrets"]
  secret_names         = local.secret_names
  create_repository    = false
  secret_recovery_days = 7
}

output "service" {
  description = "What the module made."
  value       = module.service
}
