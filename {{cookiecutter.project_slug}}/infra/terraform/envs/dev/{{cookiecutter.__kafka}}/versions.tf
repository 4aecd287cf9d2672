terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
    kafka = {
      source  = "Mongey/kafka"
      version = "~> 0.13.1"
    }
  }
}
