output "host" {
  description = "Host of the database, for DATABASE_URL."
  value       = aws_db_instance.datastore.address
}

output "port" {
  description = "Port of the database."
  value       = aws_db_instance.datastore.port
}

output "database_name" {
  description = "Database of the service."
  value       = aws_db_instance.datastore.db_name
}

output "owner_secret_arn" {
  description = "Secret with the password of the owner, which RDS keeps and changes: for people, never for the service."
  value       = aws_db_instance.datastore.master_user_secret[0].secret_arn
}

output "security_group_id" {
  description = "Security group of the database."
  value       = aws_security_group.datastore.id
}
