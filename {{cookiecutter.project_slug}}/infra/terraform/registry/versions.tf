terraform {
  required_version = ">= 1.10"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }

  backend "s3" {
    key          = "{{ cookiecutter.project_slug }}/registry/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      service     = var.service
      environment = "shared"
      team        = "{{ cookiecutter.owner_team }}"
      managed_by  = "terraform"
    }
  }
}
