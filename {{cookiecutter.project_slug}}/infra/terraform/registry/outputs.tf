output "repository_url" {
  description = "Where images are pushed to and pulled from; the part before the first slash is REGISTRY."
  value       = aws_ecr_repository.service.repository_url
}

output "push_role_arns" {
  description = "Roles that the pipelines assume to push, by name."
  value       = { for name, role in aws_iam_role.push : name => role.arn }
}
