output "user" {
  description = "Account of the service at the brokers: KAFKA_SASL_USER, with KAFKA_SASL_MECHANISM=scram-sha-512."
  value       = local.name
}

output "secret_name" {
  description = "Secret with username and password of that account, for the ExternalSecret."
  value       = aws_secretsmanager_secret.account.name
}

output "topics" {
  description = "Topics of the service."
  value       = [kafka_topic.events.name, kafka_topic.dead_letters.name]
}
