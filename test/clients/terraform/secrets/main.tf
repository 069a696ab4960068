# Secrets with versions, policies, replicas and a rotator, parameters of every
# type, and what the data sources tell of them.

terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}

variable "stage" {
  type    = string
  default = "test"
}

provider "aws" {
  region = "us-east-1"
  default_tags {
    tags = { managed-by = "terraform" }
  }
}

data "aws_caller_identity" "me" {}

locals {
  live    = var.stage == "live"
  account = data.aws_caller_identity.me.account_id
  root    = "arn:aws:iam::${local.account}:root"
}

resource "aws_kms_key" "own" {
  deletion_window_in_days = 7
}

resource "aws_iam_role" "app" {
  name = "app"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { AWS = local.root }, Action = "sts:AssumeRole" }]
  })
}

# Secrets.

data "aws_secretsmanager_random_password" "generated" {
  password_length     = 40
  exclude_punctuation = true
}

resource "aws_secretsmanager_secret" "db" {
  name                    = "app/db"
  description             = "of ${var.stage}"
  kms_key_id              = local.live ? aws_kms_key.own.arn : null
  recovery_window_in_days = 0
  tags                    = { stage = var.stage }
  replica {
    region = "eu-west-1"
  }
}

resource "aws_secretsmanager_secret_version" "db" {
  secret_id     = aws_secretsmanager_secret.db.id
  secret_string = jsonencode({ password = "of ${var.stage}" })
}

resource "aws_secretsmanager_secret" "bytes" {
  name_prefix             = "bytes-"
  recovery_window_in_days = 7
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { AWS = aws_iam_role.app.arn }, Action = "secretsmanager:GetSecretValue", Resource = "*" }]
  })
}

resource "aws_secretsmanager_secret_version" "bytes" {
  secret_id      = aws_secretsmanager_secret.bytes.id
  secret_binary  = base64encode("\u0001 bytes of ${var.stage}")
  version_stages = local.live ? ["AWSCURRENT", "live"] : ["AWSCURRENT", "test"]
}

resource "aws_secretsmanager_secret_policy" "db" {
  secret_arn          = aws_secretsmanager_secret.db.arn
  block_public_policy = true
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Read", Effect = "Allow", Principal = { AWS = aws_iam_role.app.arn }, Resource = "*"
      Action    = local.live ? ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"] : ["secretsmanager:GetSecretValue"]
      Condition = { StringEquals = { "secretsmanager:VersionStage" = "AWSCURRENT" } }
    }]
  })
}

# The rotator is a program of the server's machine, with the rights of a role.

resource "aws_iam_role" "nightly" {
  name = "nightly"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "nightly" {
  role = aws_iam_role.nightly.name
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "secretsmanager:*", Resource = aws_secretsmanager_secret.rotated.arn }]
  })
}

resource "aws_secretsmanager_secret" "rotated" {
  name                    = "app/rotated"
  recovery_window_in_days = 0
}

resource "aws_secretsmanager_secret_rotation" "rotated" {
  secret_id           = aws_secretsmanager_secret.rotated.id
  rotation_lambda_arn = "arn:aws:lambda:us-east-1:${local.account}:function:${aws_iam_role.nightly.name}"
  rotate_immediately  = true
  rotation_rules {
    automatically_after_days = local.live ? null : 30
    schedule_expression      = local.live ? "rate(10 days)" : null
    duration                 = local.live ? "3h" : null
  }
  depends_on = [aws_iam_role_policy.nightly]
}

# Parameters.

resource "aws_ssm_parameter" "host" {
  name        = "/app/host"
  description = "of ${var.stage}"
  type        = "String"
  value       = "${var.stage}.example.com"
  tags        = { stage = var.stage }
}

resource "aws_ssm_parameter" "plain" {
  name           = "plain"
  type           = "String"
  insecure_value = var.stage
}

resource "aws_ssm_parameter" "nodes" {
  name            = "/app/nodes"
  type            = "StringList"
  value           = local.live ? "a,b,c" : "a,b"
  allowed_pattern = "^[a-z,]+$"
}

resource "aws_ssm_parameter" "password" {
  name   = "/app/password"
  type   = "SecureString"
  key_id = local.live ? aws_kms_key.own.arn : null
  value  = data.aws_secretsmanager_random_password.generated.random_password
  lifecycle {
    ignore_changes = [value] # which is another at every reading
  }
}

resource "aws_ssm_parameter" "large" {
  name  = "/app/large"
  type  = "SecureString"
  tier  = "Advanced"
  value = join("", [for i in range(1000) : "${var.stage}-"])
}

resource "aws_ssm_parameter" "written" {
  name             = "/app/written"
  type             = "SecureString"
  value_wo         = "kept in no state, ${var.stage}"
  value_wo_version = local.live ? 2 : 1
}

resource "aws_ssm_parameter" "image" {
  name      = "/app/image"
  type      = "String"
  tier      = "Intelligent-Tiering"
  data_type = "text"
  value     = "ami-${var.stage}"
}

# What is read.

data "aws_secretsmanager_secret" "db" {
  name       = "app/db"
  depends_on = [aws_secretsmanager_secret.db, aws_secretsmanager_secret_policy.db]
}

data "aws_secretsmanager_secret_version" "db" {
  secret_id  = aws_secretsmanager_secret.db.id
  depends_on = [aws_secretsmanager_secret_version.db]
}

data "aws_secretsmanager_secret_versions" "db" {
  secret_id          = aws_secretsmanager_secret.db.id
  include_deprecated = true
  depends_on         = [aws_secretsmanager_secret_version.db]
}

data "aws_secretsmanager_secrets" "app" {
  filter {
    name   = "name"
    values = ["app/"]
  }
  depends_on = [aws_secretsmanager_secret.db, aws_secretsmanager_secret.rotated]
}

data "aws_secretsmanager_secret_rotation" "rotated" {
  secret_id  = aws_secretsmanager_secret.rotated.id
  depends_on = [aws_secretsmanager_secret_rotation.rotated]
}

data "aws_ssm_parameter" "host" {
  name       = "/app/host"
  depends_on = [aws_ssm_parameter.host]
}

data "aws_ssm_parameter" "secret" { # by way of Parameter Store
  name       = "/aws/reference/secretsmanager/app/db"
  depends_on = [aws_secretsmanager_secret_version.db]
}

data "aws_ssm_parameters_by_path" "app" {
  path            = "/app"
  recursive       = true
  with_decryption = true
  depends_on      = [aws_ssm_parameter.host, aws_ssm_parameter.nodes, aws_ssm_parameter.password, aws_ssm_parameter.large, aws_ssm_parameter.written, aws_ssm_parameter.image]
}

output "seen" {
  sensitive = true
  value = {
    password    = jsondecode(data.aws_secretsmanager_secret_version.db.secret_string).password
    description = data.aws_secretsmanager_secret.db.description
    policy      = strcontains(data.aws_secretsmanager_secret.db.policy, aws_iam_role.app.arn)
    replica     = one(aws_secretsmanager_secret.db.replica).status
    secrets     = sort(data.aws_secretsmanager_secrets.app.names)
    rotates     = data.aws_secretsmanager_secret_rotation.rotated.rotation_enabled
    host        = data.aws_ssm_parameter.host.value
    reference   = jsondecode(data.aws_ssm_parameter.secret.value).password
    parameters  = sort(data.aws_ssm_parameters_by_path.app.names)
    large       = length(data.aws_ssm_parameters_by_path.app.values[index(data.aws_ssm_parameters_by_path.app.names, "/app/large")])
    written     = data.aws_ssm_parameters_by_path.app.values[index(data.aws_ssm_parameters_by_path.app.names, "/app/written")]
  }
}

# What `terraform import` takes.
output "ids" {
  value = {
    "aws_secretsmanager_secret.db"               = aws_secretsmanager_secret.db.arn
    "aws_secretsmanager_secret_version.db"       = "${aws_secretsmanager_secret.db.arn}|${aws_secretsmanager_secret_version.db.version_id}"
    "aws_secretsmanager_secret_policy.db"        = aws_secretsmanager_secret.db.arn
    "aws_secretsmanager_secret_rotation.rotated" = aws_secretsmanager_secret.rotated.arn
    "aws_ssm_parameter.host"                     = aws_ssm_parameter.host.name
    "aws_ssm_parameter.nodes"                    = aws_ssm_parameter.nodes.name
  }
}
