output "repository_url" {
  description = "Where images are pushed to."
  value       = aws_ecr_repository.service.repository_url
}

output "role_arn" {
  description = "Role that pods of the service assume."
  value       = aws_iam_role.service.arn
}

output "secret_arns" {
  description = "Secrets whose values their owner sets, by name."
  value       = { for name, secret in aws_secretsmanager_secret.service : name => secret.arn }
}
