output "repository_url" {
  description = "Where images of this environment alone are pushed to; null when all environments share one repository."
  value       = one(aws_ecr_repository.service[*].repository_url)
}

output "role_arn" {
  description = "Role by which External Secrets reads the secrets: eks.amazonaws.com/role-arn of the ServiceAccount, or role of the SecretStore."
  value       = aws_iam_role.service.arn
}

output "role_name" {
  description = "Name of that role, for modules that let it read one secret more."
  value       = aws_iam_role.service.name
}

output "secret_arns" {
  description = "Secrets whose values their owner sets, by name."
  value       = { for name, secret in aws_secretsmanager_secret.service : name => secret.arn }
}
