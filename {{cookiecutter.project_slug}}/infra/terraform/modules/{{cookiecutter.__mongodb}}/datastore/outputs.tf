output "host" {
  description = "Host of the cluster, for DATABASE_URL."
  value       = aws_docdb_cluster.datastore.endpoint
}

output "port" {
  description = "Port of the cluster."
  value       = aws_docdb_cluster.datastore.port
}

output "owner_secret_arn" {
  description = "Secret with the password of the owner, which DocumentDB keeps and changes: for people, never for the service."
  value       = aws_docdb_cluster.datastore.master_user_secret[0].secret_arn
}

output "security_group_id" {
  description = "Security group of the cluster."
  value       = aws_security_group.datastore.id
}
