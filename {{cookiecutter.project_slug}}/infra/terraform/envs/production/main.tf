# The cloud side of the service in production. This file is yours.
#
#   terraform init -backend-config="bucket=..." -backend-config="region=..."
#   terraform plan -var="region=..." -var="oidc_provider_arn=..."

terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }

  backend "s3" {
    key          = "{{ cookiecutter.project_slug }}/production/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

locals {
  service = "{{ cookiecutter.project_slug }}"
}

variable "region" {
  description = "Region of this environment."
  type        = string
}

variable "oidc_provider_arn" {
  description = "ARN of the cluster's OIDC provider."
  type        = string
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      service     = local.service
      environment = "production"
      team        = "{{ cookiecutter.owner_team }}"
      managed_by  = "terraform"
    }
  }
}

module "service" {
  source = "../../modules/service"

  service           = local.service
  environment       = "production"
  oidc_provider_arn = var.oidc_provider_arn
}

output "service" {
  description = "What the module made."
  value       = module.service
}
