# PostgreSQL for one environment: encrypted with a key of its own, backed up to any second of the last weeks, reached by
# the cluster's pods alone, and by TLS alone. The password of the owner is made, kept and rotated by RDS; Terraform never
# sees it. The service logs in as a user of its own: docs/how-to/cloud-database.md.

locals {
  name       = "${var.service}-${var.environment}"
  logs       = ["postgresql", "upgrade"]
  log_groups = { for name in local.logs : name => "/aws/rds/instance/${local.name}/${name}" }
}

data "aws_partition" "current" {}

module "key" {
  source = "../key"

  name         = "${local.name}-datastore"
  description  = "Encrypts the data, backups and logs of ${local.name}"
  used_through = ["rds", "secretsmanager"]
  log_groups   = values(local.log_groups)
}

resource "aws_db_subnet_group" "datastore" {
  name        = local.name
  description = "Private subnets of ${local.name}"
  subnet_ids  = var.subnet_ids
}

resource "aws_security_group" "datastore" {
  name        = "${local.name}-datastore"
  description = "PostgreSQL of ${local.name}: pods come in, nothing goes out"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "pods" {
  for_each = var.client_security_group_ids

  security_group_id            = aws_security_group.datastore.id
  description                  = "Pods of the cluster"
  referenced_security_group_id = each.key
  ip_protocol                  = "tcp"
  from_port                    = 5432
  to_port                      = 5432
}

resource "aws_db_parameter_group" "datastore" {
  name_prefix = "${local.name}-"
  description = "TLS only; statements of the schema and slow ones are logged, without the values in them"
  family      = "postgres${var.engine_version}"

  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }
  parameter {
    name  = "log_statement"
    value = "ddl"
  }
  parameter {
    name  = "log_min_duration_statement"
    value = "1000"
  }
  parameter {
    name  = "log_parameter_max_length"
    value = "0"
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudwatch_log_group" "datastore" {
  for_each = local.log_groups

  name              = each.value
  retention_in_days = 365
  kms_key_id        = module.key.arn
}

resource "aws_iam_role" "monitoring" {
  name        = "${local.name}-datastore-monitoring"
  description = "Lets RDS write the measurements of ${local.name}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "MonitoringOnly"
      Effect    = "Allow"
      Principal = { Service = "monitoring.rds.amazonaws.com" }
      Action    = ["sts:AssumeRole"]
    }]
  })
}

resource "aws_iam_role_policy_attachment" "monitoring" {
  role       = aws_iam_role.monitoring.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole"
}

resource "aws_db_instance" "datastore" {
  identifier     = local.name
  engine         = "postgres"
  engine_version = var.engine_version
  instance_class = var.instance_class
  db_name        = var.database_name
  port           = 5432

  username                            = "serviceowner"
  manage_master_user_password         = true
  master_user_secret_kms_key_id       = module.key.arn
  iam_database_authentication_enabled = true

  storage_type          = "gp3"
  allocated_storage     = var.storage_gib
  max_allocated_storage = var.storage_gib * 5
  storage_encrypted     = true
  kms_key_id            = module.key.arn

  multi_az               = var.multi_az
  db_subnet_group_name   = aws_db_subnet_group.datastore.name
  vpc_security_group_ids = [aws_security_group.datastore.id]
  publicly_accessible    = false
  ca_cert_identifier     = "rds-ca-rsa2048-g1"
  parameter_group_name   = aws_db_parameter_group.datastore.name

  backup_retention_period   = var.backup_retention_days
  backup_window             = "01:00-02:00"
  maintenance_window        = "sun:02:30-sun:03:30"
  copy_tags_to_snapshot     = true
  delete_automated_backups  = false
  deletion_protection       = var.deletion_protection
  skip_final_snapshot       = false
  final_snapshot_identifier = "${local.name}-final"

  auto_minor_version_upgrade            = true
  allow_major_version_upgrade           = false
  enabled_cloudwatch_logs_exports       = local.logs
  performance_insights_enabled          = true
  performance_insights_kms_key_id       = module.key.arn
  performance_insights_retention_period = 7
  monitoring_interval                   = 60
  monitoring_role_arn                   = aws_iam_role.monitoring.arn

  depends_on = [aws_cloudwatch_log_group.datastore]
}

resource "aws_secretsmanager_secret_rotation" "owner" {
  secret_id = aws_db_instance.datastore.master_user_secret[0].secret_arn

  rotation_rules {
    automatically_after_days = var.rotation_days
  }
}
