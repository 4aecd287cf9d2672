# The cloud side of the service in dev. This file is yours.
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
    key          = "orders-service/dev/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

locals {
  service = "orders-service"
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
      environment = "dev"
      team        = "platform"
      managed_by  = "terraform"
    }
  }
}

module "service" {
  source = "../../modules/service"

  service              = local.service
  environment          = "dev"
  oidc_provider_arn    = var.oidc_provider_arn
  secret_recovery_days = 7
}

output "service" {
  description = "What the module made."
  value       = module.service
}
