# DocumentDB for one environment: encrypted with a key of its own, backed up to any second of the last weeks, reached by
# the cluster's pods alone, and by TLS alone. The password of the owner is made, kept and rotated by DocumentDB; Terraform
# never sees it. It is not MongoDB: docs/how-to/cloud-database.md says what to try before you rely on it.

locals {
  name       = "${var.service}-${var.environment}"
  logs       = ["audit", "profiler"]
  log_groups = { for name in local.logs : name => "/aws/docdb/${local.name}/${name}" }
}

module "key" {
  source = "../key"

  name         = "${local.name}-datastore"
  description  = "Encrypts the data, backups and logs of ${local.name}"
  used_through = ["rds"]
  log_groups   = values(local.log_groups)
}

resource "aws_docdb_subnet_group" "datastore" {
  name        = local.name
  description = "Private subnets of ${local.name}"
  subnet_ids  = var.subnet_ids
}

resource "aws_security_group" "datastore" {
  name        = "${local.name}-datastore"
  description = "DocumentDB of ${local.name}: pods come in, nothing goes out"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "pods" {
  for_each = var.client_security_group_ids

  security_group_id            = aws_security_group.datastore.id
  description                  = "Pods of the cluster"
  referenced_security_group_id = each.key
  ip_protocol                  = "tcp"
  from_port                    = 27017
  to_port                      = 27017
}

resource "aws_docdb_cluster_parameter_group" "datastore" {
  name_prefix = "${local.name}-"
  description = "TLS only; who changed what and slow operations are logged"
  family      = "docdb${join(".", slice(split(".", var.engine_version), 0, 2))}"

  parameter {
    name  = "tls"
    value = "enabled"
  }
  parameter {
    name  = "audit_logs"
    value = "enabled"
  }
  parameter {
    name  = "profiler"
    value = "enabled"
  }
  parameter {
    name  = "profiler_threshold_ms"
    value = "1000"
  }
  parameter {
    name  = "ttl_monitor"
    value = "enabled"
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

resource "aws_docdb_cluster" "datastore" {
  cluster_identifier = local.name
  engine             = "docdb"
  engine_version     = var.engine_version
  port               = 27017

  master_username             = "serviceowner"
  manage_master_user_password = true

  storage_encrypted = true
  kms_key_id        = module.key.arn

  db_subnet_group_name            = aws_docdb_subnet_group.datastore.name
  vpc_security_group_ids          = [aws_security_group.datastore.id]
  db_cluster_parameter_group_name = aws_docdb_cluster_parameter_group.datastore.name

  backup_retention_period      = var.backup_retention_days
  preferred_backup_window      = "01:00-02:00"
  preferred_maintenance_window = "sun:02:30-sun:03:30"
  deletion_protection          = var.deletion_protection
  skip_final_snapshot          = false
  final_snapshot_identifier    = "${local.name}-final"

  allow_major_version_upgrade     = false
  enabled_cloudwatch_logs_exports = local.logs

  depends_on = [aws_cloudwatch_log_group.datastore]
}

resource "aws_docdb_cluster_instance" "datastore" {
  count = var.instances

  identifier                      = "${local.name}-${count.index}"
  cluster_identifier              = aws_docdb_cluster.datastore.id
  instance_class                  = var.instance_class
  promotion_tier                  = count.index
  ca_cert_identifier              = "rds-ca-rsa2048-g1"
  auto_minor_version_upgrade      = true
  copy_tags_to_snapshot           = true
  enable_performance_insights     = true
  performance_insights_kms_key_id = module.key.arn
}

resource "aws_secretsmanager_secret_rotation" "owner" {
  secret_id = aws_docdb_cluster.datastore.master_user_secret[0].secret_arn

  rotation_rules {
    automatically_after_days = var.rotation_days
  }
}
